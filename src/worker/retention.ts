import { advisoryLocks, lockClass } from '../db/locks.js';
import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';

export interface RetentionDependencies {
  /**
   * Its commits need not wait for the disk: a deletion that is lost with a crash of Postgres is done again when the
   * messages are next looked through from the start.
   */
  pool: Pool;
  /** Kept at least so long after they were settled; positive. */
  days: number;
  /** Whether this process has its hands full. */
  isBusy(): boolean;
  /** How many workers are alive: they share the time that deleting may take. */
  workers(): number;
  /** Milliseconds that never run backwards. */
  now(): number;
  log: Logger;
  metrics: Pick<Metrics, 'retentionDeleted'>;
}

/**
 * Deletes what was settled more than `days` ago, oldest first, with its deliveries and attempts (by the foreign keys).
 * What is not settled stays, however old, and so does a message whose reply window is open: by it one knows that the
 * user may be written to. operator_action is never deleted from: it is the record of what people did.
 */
export interface Retention {
  /** One batch, unless there is something better to do. */
  run(): Promise<void>;
  /** How long to wait before the next. */
  pauseMs(): number;
}

/**
 * Messages are looked at by id, which is the order in which they came, from where the last batch ended: before that,
 * the index is full of entries of deleted rows until they are vacuumed. The first that came too late to be old ends the
 * look, so that with nothing to delete it costs one row. A row that somebody has locked (it is being requeued) is left
 * for another time.
 *
 * One process at a time, and none while a job has been due for more than a moment: then messages wait to be worked on.
 * Not so those of an account that rests, and those that wait behind an earlier one: they have no job.
 */
const batchSql = `
  with turn as materialized (
    select pg_try_advisory_xact_lock(${lockClass}, ${advisoryLocks.retention}) and not exists (
      select from graphile_worker.jobs
      where task_identifier = 'answer' and attempts < max_attempts and run_at < now() - interval '1 second'
    ) as is_ours
  ),
  seen as materialized (
    select m.id, m.received_at, m.settled_at, m.window_ends_at
    from wechat.inbound_message m
    where m.id > $1 and (select is_ours from turn)
    order by m.id limit $2
  ),
  passed as materialized (
    select * from seen
    where id < coalesce(
      (select min(young.id) from seen young where young.received_at >= now() - $3 * interval '1 day'),
      9223372036854775807)
  ),
  old as materialized (
    select m.id from wechat.inbound_message m
    where m.id = any(array(
        select id from passed
        where settled_at < now() - $3 * interval '1 day' and coalesce(window_ends_at < now(), true)))
      and m.settled_at < now() - $3 * interval '1 day'
    order by m.id for update skip locked
  ),
  gone as (
    delete from wechat.inbound_message m using old where m.id = old.id returning m.id
  )
  select is_ours, (select max(id) from passed) as position, (select count(*)::int from passed) as passed,
    (select count(*)::int from gone) as deleted
  from turn`;

/** Only what is not settled is claimed. */
const workersSql = `
  delete from wechat.worker_process w
  where w.ended_at < now() - $1 * interval '1 day'
    and not exists (
      select from wechat.inbound_message m where m.settled_at is null and m.claimed_by = w.id)`;

/** A batch is made so large that it takes about so long. */
const aimMs = 20;
const smallest = 50;
const largest = 500;
/**
 * After a batch, the pause is so many times as long as it took: 4 % of the time of one connection goes into deleting.
 * Measured: 8 ms for 500 messages with a delivery each (of 600 batches none took longer than 18 ms), so 2,000 messages a
 * second; ten times slower it would still be 200.
 */
const pauseFactor = 24;
/** After which another look is taken when messages waited to be worked on, or another process had its turn. */
const busyMs = 2_000;
/** The same when there was nothing left to delete. */
const idleMs = 60_000;
const hourMs = 3_600_000;

export function createRetention(dependencies: RetentionDependencies): Retention {
  const { pool, days, isBusy, workers, now, log, metrics } = dependencies;
  const start = '0';
  let position = start;
  let size = smallest;
  let pauseMs = busyMs;
  let startedOverAt = Number.NEGATIVE_INFINITY;
  let tellNext = now();
  let unlogged = { messages: 0, workers: 0 };

  async function deleteBatch(): Promise<void> {
    const begin = now();
    const { rows } = await pool.query<{
      is_ours: boolean;
      position: string | null;
      passed: number;
      deleted: number;
    }>({ name: 'retention', text: batchSql, values: [position, size, days] });
    const tookMs = Math.max(1, now() - begin);
    const [batch] = rows;
    if (!batch?.is_ours) {
      pauseMs = busyMs;
      return;
    }
    metrics.retentionDeleted.inc(batch.deleted);
    unlogged.messages += batch.deleted;
    position = batch.position ?? position;
    if (batch.passed < size) {
      await endLook();
      tell(tellNext);
    } else {
      pauseMs = tookMs * pauseFactor * workers();
      size = Math.round(Math.min(largest, Math.max(smallest, size * (aimMs / tookMs))));
      tell(tellNext + hourMs);
    }
  }

  /**
   * What was passed over may be old enough by now. It is few, but the way to it leads past the entries of what was
   * deleted and not yet vacuumed (300,000 of them: 36 ms), hence not each time.
   */
  async function endLook(): Promise<void> {
    pauseMs = idleMs;
    if (now() - startedOverAt < hourMs) return;
    startedOverAt = now();
    position = start;
    const { rowCount } = await pool.query(workersSql, [days]);
    unlogged.workers += rowCount ?? 0;
  }

  /** A look is told of when it ends, or once an hour where it lasts. */
  function tell(notBefore: number): void {
    if (unlogged.messages + unlogged.workers === 0 || now() < notBefore) return;
    log.info({ event: 'retention', ...unlogged, older_than_days: days }, 'old messages were deleted');
    unlogged = { messages: 0, workers: 0 };
    tellNext = now() + hourMs;
  }

  return {
    async run() {
      pauseMs = busyMs;
      if (!isBusy()) await deleteBatch();
    },
    pauseMs: () => pauseMs,
  };
}
