import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { deleteEndedHandovers, deleteEndedWorkers, deleteOld } from '../outbox/retention.js';

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
 * Deletes what was settled more than `days` ago, oldest first, with its deliveries and attempts, and the record of takeovers that
 * ended then.
 * What is not settled stays, however old, and so does a message whose reply window is open: by it one knows that the
 * user may be written to. operator_action is never deleted from: it is the record of what people did.
 */
export interface Retention {
  /** One batch, unless there is something better to do. */
  run(): Promise<void>;
  /** How long to wait before the next. */
  pauseMs(): number;
}

/** Small enough that nobody notices (docs/performance.md). */
const batch = 500;
/** Between two batches: 2,000 messages a second, over all processes. */
const batchEveryMs = 250;
/** After which another look is taken when messages waited to be worked on, or another process had its turn. */
const busyMs = 2_000;
/** The same when there was nothing left to delete. */
const idleMs = 60_000;
const hourMs = 3_600_000;

export function createRetention(dependencies: RetentionDependencies): Retention {
  const { pool, days, isBusy, workers, now, log, metrics } = dependencies;
  const start = '0';
  let position = start;
  let pauseMs = busyMs;
  let startedOverAt = Number.NEGATIVE_INFINITY;
  let tellNext = now();
  let unlogged = { messages: 0, workers: 0 };

  async function deleteBatch(): Promise<void> {
    const done = await deleteOld(pool, { afterId: position, limit: batch, days });
    if (!done.isOurs) {
      pauseMs = busyMs;
      return;
    }
    metrics.retentionDeleted.inc(done.deleted);
    unlogged.messages += done.deleted;
    position = done.position ?? position;
    if (done.passed < batch) {
      await endLook();
      tell(tellNext);
    } else {
      pauseMs = batchEveryMs * workers();
      tell(tellNext + hourMs);
    }
  }

  /**
   * What was passed over may be old enough by now. It is few, but the way to it leads past the entries of what was
   * deleted and not yet vacuumed, hence not each time.
   */
  async function endLook(): Promise<void> {
    pauseMs = idleMs;
    if (now() - startedOverAt < hourMs) return;
    startedOverAt = now();
    position = start;
    unlogged.workers += await deleteEndedWorkers(pool, days);
    await deleteEndedHandovers(pool, days);
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
