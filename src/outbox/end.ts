import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import type { Hold } from './lane.js';
import type { AttemptOutcome, DeliveryStatus } from './states.js';
import { storable } from './storable.js';

/** What became of a delivery just now: the end of an attempt, or a failure to begin one. */
export interface DeliveryEnd {
  deliveryId: string;
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
}

export type End = Hold & DeliveryEnd;

/**
 * The parts that `end` and `settle` share. They expect `input` with the columns of `endColumns`, and `held (lane_id, claim)`.
 *
 * The attempt's row is written whoever holds the lane, for it was made: who lost it meanwhile may record how it ended, and the truth
 * replaces an unknown outcome that another wrote in its place. But not where the database never heard of its beginning: what was
 * committed may be lost (a restore, a failover to an asynchronous standby), and the row would wait for another (a scalar
 * subquery, for as a join it would scan all deliveries where Postgres knows nothing of the table yet).
 *
 * The delivery follows only where this attempt is still its latest, and it has not ended, or ended as unknown for want of this
 * truth: else an operator would requeue what is known to be sent. Where no call was made, only who holds the lane may say so.
 */
export const endParts = `
  attempt as (
    insert into wechat.delivery_attempt as a
      (delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg)
    select delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg
    from input i
    where outcome is not null
      and (select d.attempts from wechat.delivery d where d.id = i.delivery_id) >= i.attempt
    on conflict (delivery_id, attempt) do update
    set finished_at = excluded.finished_at, outcome = excluded.outcome, http_status = excluded.http_status,
        errcode = excluded.errcode, errmsg = excluded.errmsg, corrected_at = now()
    where a.outcome = 'unknown' and excluded.outcome <> 'unknown'
  ),
  ended as (
    update wechat.delivery d
    set status = i.status, failures = i.failures, errcode = i.errcode, errmsg = i.errmsg,
        sent_at = case when i.status = 'sent' then now() end,
        next_attempt_at = now() + i.delay_ms * interval '1 ms'
    from input i
    where d.id = i.delivery_id and d.attempts = i.attempt
      and (d.status in ('pending', 'sending')
        or (d.status = 'unknown' and i.outcome <> 'unknown' and i.status in ('sent', 'failed', 'expired')))
      and (i.outcome is not null or (i.lane_id, i.claim) in (select lane_id, claim from held))
    returning d.id
  )`;

/** In the order of `endValues`, from $1. */
export const endColumns = `unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::timestamptz[], $6::timestamptz[],
      $7::text[], $8::int[], $9::int[], $10::text[], $11::text[], $12::int[], $13::float8[]`;

export const endNames = `lane_id, claim, delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg,
      status, failures, delay_ms`;

export function endValues(holds: readonly Hold[], ends: readonly (DeliveryEnd | undefined)[]): string[] {
  return [
    column(holds, ({ laneId }) => laneId),
    column(holds, ({ claim }) => claim),
    column(ends, (end) => end?.deliveryId),
    column(ends, (end) => end?.attempt),
    column(ends, (end) => end?.call?.startedAt),
    column(ends, (end) => end?.call?.finishedAt),
    column(ends, (end) => end?.call?.outcome),
    column(ends, (end) => end?.call?.httpStatus),
    column(ends, (end) => end?.errcode),
    column(ends, (end) => storable(end?.errmsg)),
    column(ends, (end) => end?.status),
    column(ends, (end) => end?.failures),
    column(ends, (end) => end?.delayMs),
  ];
}

/** Ends an attempt of a message that stays open: it is tried again later, or more of its replies follow. */
const endSql = `
  with input as materialized (
    select * from ${endColumns}) as i (${endNames})
  ),
  held as materialized (
    select l.id as lane_id, l.claim from input i join wechat.lane l on l.id = i.lane_id and l.claim = i.claim
    order by l.app_id, l.openid, l.slot for update of l
  ),
  ${endParts}
  select ended.id, held.claim
  from ended join input i on i.delivery_id = ended.id join held on (held.lane_id, held.claim) = (i.lane_id, i.claim)`;

/**
 * Whose lane is lost is protected by no lock of it, so deliveries are locked in an order of their own, which all keep that lock
 * several of them behind lanes.
 */
export function byDelivery(one: DeliveryEnd | undefined, other: DeliveryEnd | undefined): number {
  return Number(one?.deliveryId ?? 0) - Number(other?.deliveryId ?? 0);
}

/** True where the end is on record and the lane is still held: the worker may go on. */
export function createEnd(pool: Pool): (ends: readonly End[]) => Promise<boolean[]> {
  return async (ends) => {
    const inOrder = ends.toSorted(byDelivery);
    const { rows } = await pool.query<{ id: string; claim: string }>({
      name: 'end',
      text: endSql,
      values: endValues(inOrder, inOrder),
    });
    const ended = new Set(rows.map(({ id, claim }) => `${id} ${claim}`));
    return ends.map(({ deliveryId, claim }) => ended.has(`${deliveryId} ${claim}`));
  };
}
