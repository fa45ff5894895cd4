import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';

export type AttemptOutcome = 'sent' | 'token' | 'transient' | 'throttled' | 'permanent' | 'unknown';

export type DeliveryStatus = 'pending' | 'sending' | 'sent' | 'failed' | 'expired' | 'unknown';

/** An attempt that is about to begin. */
export interface Start {
  deliveryId: string;
  workerId: number;
  /** Its number, from 1. */
  attempt: number;
}

/** What became of a delivery just now: the end of an attempt, or a failure to begin one. */
export interface Result {
  deliveryId: string;
  messageId: string;
  workerId: number;
  /** Number of the latest attempt; 0 before the first. */
  attempt: number;
  /** Absent when no call was made (there was no access token). */
  call?:
    | { startedAt: Date; finishedAt: Date; outcome: AttemptOutcome; httpStatus: number | undefined }
    | undefined;
  errcode: number | undefined;
  errmsg: string | undefined;
  status: DeliveryStatus;
  failures: number;
  /** For a pending delivery: when to go on. */
  delayMs: number | undefined;
  /** Set with the last delivery's final result: the message is settled in the same statement. */
  settlesMessage: boolean;
}

/** The end of a worker's hold on a message: settled or failed, or given back to be worked on after `delayMs`. */
export interface Finish {
  messageId: string;
  workerId: number;
  /** Of this very claim: run again after a lost answer, it must not end a later one of the same worker's. */
  claimedAt: string;
  end:
    | { kind: 'settled' }
    | { kind: 'failed' }
    | { kind: 'released'; delayMs: number; refundAttempt: boolean };
  error: string | undefined;
}

export interface Records {
  /** Notes that the reply logic of a message under suspicion starts. False where it is another worker's by now. */
  startReply(message: { id: string; workerId: number }): Promise<boolean>;
  /** True where the attempt may begin; false where the message is another worker's by now. */
  start(starts: readonly Start[]): Promise<boolean[]>;
  /** True where the result was the delivery's to have; false where another worker has taken over. */
  record(results: readonly Result[]): Promise<boolean[]>;
  finish(finishes: readonly Finish[]): Promise<boolean[]>;
  /** Settles what is left of a reply that cannot be delivered, without calling. */
  settleRest(rest: {
    messageId: string;
    workerId: number;
    status: 'failed' | 'expired';
    errcode: number | undefined;
    errmsg: string;
  }): Promise<void>;
}

/**
 * The fence: an attempt begins only while the message is still claimed by this worker. The lock on its row keeps it so
 * until the commit: whoever gives the message away waits, and who takes it over finds the attempt begun. May be run again.
 */
const startSql = `
  with begun as (
    select i.*, d.message_id
    from unnest($1::bigint[], $2::int[], $3::int[]) as i (delivery_id, worker_id, attempt)
    join wechat.delivery d on d.id = any(array[i.delivery_id])
  ),
  owned as (
    select b.delivery_id, b.attempt
    from begun b
    join wechat.inbound_message m on m.id = any(array[b.message_id]) and m.claimed_by = any(array[b.worker_id])
    order by b.message_id
    for share of m
  )
  update wechat.delivery d
  set status = 'sending', attempts = owned.attempt, attempt_started_at = now(), next_attempt_at = null
  from owned
  where d.id = any(array[owned.delivery_id]) and d.status in ('pending', 'sending')
    and d.attempts in (owned.attempt - 1, owned.attempt)
  returning d.id`;

/**
 * The attempt's row is written in any case (it was made), unless the one who took over has recorded it as unknown;
 * the delivery follows only where this attempt is still its latest, and, where no call was made, where the message is
 * still this worker's. The message is settled only along with its delivery: the end of an attempt that is not the latest
 * is no end of the reply.
 */
const recordSql = `
  with input as (
    select *
    from unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[], $7::text[],
                $8::int[], $9::int[], $10::text[], $11::text[], $12::int[], $13::float8[], $14::boolean[])
      as i (delivery_id, message_id, worker_id, attempt, started_at, finished_at, outcome,
            http_status, errcode, errmsg, status, failures, delay_ms, settles)
  ),
  attempt as (
    insert into wechat.delivery_attempt
      (delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg)
    select delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg
    from input where outcome is not null
    on conflict (delivery_id, attempt) do nothing
  ),
  recorded as (
    update wechat.delivery d
    set status = i.status, failures = i.failures, errcode = i.errcode, errmsg = i.errmsg,
        sent_at = case when i.status = 'sent' then now() end,
        next_attempt_at = now() + i.delay_ms * interval '1 ms'
    from input i
    where d.id = any(array[i.delivery_id]) and d.attempts = i.attempt and d.status in ('pending', 'sending')
      and (i.outcome is not null or i.worker_id = (
        select m.claimed_by from wechat.inbound_message m where m.id = i.message_id))
    returning d.id, i.message_id, i.worker_id, i.settles
  ),
  settled as (
    update wechat.inbound_message m
    set status = 'settled', settled_at = now(), claimed_by = null, claimed_at = null
    from recorded r
    where r.settles and m.id = any(array[r.message_id]) and m.claimed_by = any(array[r.worker_id])
  )
  select id from recorded`;

/**
 * Those given back get a job in the same statement, one for each tenth of a second in which they are due: whatever
 * the outage, a message is never left without a job. A message of which something is still to be sent is not settled,
 * whoever says so.
 */
const finishSql = `
  with input as (
    select *
    from unnest($1::bigint[], $2::int[], $3::timestamptz[], $4::text[], $5::float8[], $6::int[], $7::text[])
      as i (message_id, worker_id, claimed_at, status, delay_ms, refund, error)
  ),
  finished as (
    update wechat.inbound_message m
    set status = coalesce(i.status, m.status),
        settled_at = case when i.status is not null then now() end,
        due_at = coalesce(now() + i.delay_ms * interval '1 ms', m.due_at),
        reply_attempts = m.reply_attempts - i.refund,
        error = coalesce(i.error, m.error),
        claimed_by = null, claimed_at = null, reply_started_at = null
    from input i
    where m.id = any(array[i.message_id])
      and m.claimed_by = any(array[i.worker_id]) and m.claimed_at = any(array[i.claimed_at])
      and m.status in ('received', 'answering')
      and (i.status is null or 0 = (
        select count(*) from wechat.delivery d where d.message_id = m.id and d.status in ('pending', 'sending')))
    returning m.id, m.due_at, m.settled_at, wechat.is_urgent(m.window_ends_at, m.created_at) as urgent
  ),
  job as (
    select wechat.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(due_at))
    from finished where settled_at is null having count(*) > 0
  )
  select id from finished cross join (select count(*) from job) as added`;

const maxErrorLength = 2_000;

export function createRecords(pool: Pool): Records {
  async function ids(name: string, text: string, values: unknown[]): Promise<Set<string>> {
    const { rows } = await pool.query<{ id: string }>({ name, text, values });
    return new Set(rows.map(({ id }) => id));
  }

  return {
    async startReply({ id, workerId }) {
      const { rowCount } = await pool.query(
        'update wechat.inbound_message set reply_started_at = now() where id = $1 and claimed_by = $2',
        [id, workerId],
      );
      return rowCount === 1;
    },

    async start(starts) {
      const started = await ids('start', startSql, [
        column(starts, ({ deliveryId }) => deliveryId),
        column(starts, ({ workerId }) => workerId),
        column(starts, ({ attempt }) => attempt),
      ]);
      return starts.map(({ deliveryId }) => started.has(deliveryId));
    },

    async record(results) {
      const recorded = await ids('record', recordSql, [
        column(results, ({ deliveryId }) => deliveryId),
        column(results, ({ messageId }) => messageId),
        column(results, ({ workerId }) => workerId),
        column(results, ({ attempt }) => attempt),
        column(results, ({ call }) => call?.startedAt),
        column(results, ({ call }) => call?.finishedAt),
        column(results, ({ call }) => call?.outcome),
        column(results, ({ call }) => call?.httpStatus),
        column(results, ({ errcode }) => errcode),
        column(results, ({ errmsg }) => storable(errmsg)),
        column(results, ({ status }) => status),
        column(results, ({ failures }) => failures),
        column(results, ({ delayMs }) => delayMs),
        column(results, ({ settlesMessage }) => settlesMessage),
      ]);
      return results.map(({ deliveryId }) => recorded.has(deliveryId));
    },

    async finish(finishes) {
      const finished = await ids('finish', finishSql, [
        column(finishes, ({ messageId }) => messageId),
        column(finishes, ({ workerId }) => workerId),
        column(finishes, ({ claimedAt }) => claimedAt),
        column(finishes, ({ end }) => (end.kind === 'released' ? null : end.kind)),
        column(finishes, ({ end }) => (end.kind === 'released' ? end.delayMs : null)),
        column(finishes, ({ end }) => (end.kind === 'released' && end.refundAttempt ? 1 : 0)),
        column(finishes, ({ error }) => storable(error)),
      ]);
      return finishes.map(({ messageId }) => finished.has(messageId));
    },

    async settleRest({ messageId, workerId, status, errcode, errmsg }) {
      await pool.query(
        `update wechat.delivery d set status = $3, errcode = $4, errmsg = $5, next_attempt_at = null
         from wechat.inbound_message m
         where m.id = $1 and m.claimed_by = $2 and d.message_id = m.id and d.status = 'pending'`,
        [messageId, workerId, status, errcode ?? null, errmsg],
      );
    },
  };
}

/** What a server answered or a handler threw may be of any length, and hold NULs, which Postgres refuses. */
function storable(text: string | undefined): string | null {
  return text?.replaceAll('\0', '').slice(0, maxErrorLength) ?? null;
}
