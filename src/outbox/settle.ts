import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import { byDelivery, type DeliveryEnd, endColumns, endNames, endParts, endValues } from './end.js';
import { type HeldLane, holdKey } from './lane.js';
import { storable } from './storable.js';

/** The end of the work on a lane's first message. */
export interface Settlement {
  lane: HeldLane;
  status: 'settled' | 'failed';
  /** Why it failed, or what had to be cut from its replies. */
  error?: string | undefined;
  /** The end of its last open delivery, in the same statement. Absent where there was none. */
  end?: DeliveryEnd | undefined;
  /** What becomes of deliveries behind that one, which would fail for the same reason. */
  rest?: { status: 'failed' | 'expired'; errcode: number | undefined; errmsg: string } | undefined;
}

/**
 * `gone`: nothing more was in the lane, and it went. `kept`: more has come, and the lane is still held: look again.
 * `refused`: it was not this worker's to settle any more, or had been settled: look again, and see.
 */
export type SettleResult = 'gone' | 'kept' | 'refused';

/**
 * The part that settling shares with entrusting: what becomes of the lane. It expects `held` with the lane as it was locked and
 * what was seen of it, and `closed (id)`.
 */
export const closeParts = `
  done as materialized (
    select * from held where message_id is null or message_id in (select id from closed)
  ),
  gone as (
    delete from wechat.lane l using done where l.id = done.lane_id and done.arrivals = done.seen
  ),
  kept as (
    update wechat.lane l
    set done_id = case when done.done_id = done.seen_done then coalesce(done.message_id, l.done_id) else l.done_id end,
        waiting = greatest(1, l.waiting - 1), waiting_since = coalesce(done.next_received_at, now()),
        failures = 0, crashes = 0, suspected_at = null, error = null
    from done
    where l.id = done.lane_id and done.arrivals is distinct from done.seen
  )
  select lane_id, claim, arrivals is not distinct from seen as gone from done`;

/**
 * Closes the first message of each lane along with its last delivery, and then the lane:
 *
 * - Lanes are locked first, in the one order; then come attempts, deliveries and messages. Decisions on the lane use the values
 *   of the locked row, so that its deletion and its update exclude each other.
 * - The lane goes only if nothing came since the look (`arrivals`), and the look knew of no more (else `seen` is null).
 * - The cursor rises only by comparison with the one that was seen: a requeue meanwhile has lowered it.
 * - A message is closed only where its delivery's end was this attempt's to say: an end that is not the latest is none.
 */
const settleSql = `
  with input as materialized (
    select * from ${endColumns},
      $14::bigint[], $15::text[], $16::text[], $17::bigint[], $18::bigint[], $19::timestamptz[], $20::text[], $21::int[], $22::text[])
      as i (${endNames},
      message_id, message_status, error, seen, seen_done, next_received_at, rest_status, rest_errcode, rest_errmsg)
  ),
  held as materialized (
    select i.lane_id, i.claim, i.delivery_id, i.message_id, i.message_status, i.error, i.seen, i.seen_done, i.next_received_at,
      l.arrivals, l.done_id
    from input i join wechat.lane l on l.id = i.lane_id and l.claim = i.claim
    order by l.app_id, l.openid, l.slot for update of l
  ),
  ${endParts},
  rest as (
    update wechat.delivery d
    set status = i.rest_status, errcode = i.rest_errcode, errmsg = i.rest_errmsg, next_attempt_at = null
    from input i join held on (held.lane_id, held.claim) = (i.lane_id, i.claim)
    where i.rest_status is not null and d.message_id = i.message_id and d.status = 'pending'
      and d.id is distinct from i.delivery_id
  ),
  closed as (
    update wechat.inbound_message m
    set status = held.message_status, settled_at = now(), error = coalesce(held.error, m.error)
    from held
    where m.id = held.message_id and m.settled_at is null
      and (held.delivery_id is null or held.delivery_id in (select id from ended))
    returning m.id
  ),
  ${closeParts}`;

export function createSettle(pool: Pool): (settlements: readonly Settlement[]) => Promise<SettleResult[]> {
  return async (given) => {
    const settlements = given.toSorted((one, other) => byDelivery(one.end, other.end));
    const lanes = settlements.map(({ lane }) => lane);
    const ends = settlements.map(({ end }) => end);
    const { rows } = await pool.query<{ lane_id: string; claim: string; gone: boolean }>({
      name: 'settle',
      text: settleSql,
      values: [
        ...endValues(lanes, ends),
        column(lanes, ({ message }) => message?.id),
        column(settlements, ({ status }) => status),
        column(settlements, ({ error }) => storable(error)),
        column(lanes, ({ arrivals, nextReceivedAt }) => (nextReceivedAt ? null : arrivals)),
        column(lanes, ({ doneId }) => doneId),
        column(lanes, ({ nextReceivedAt }) => nextReceivedAt),
        column(settlements, ({ rest }) => rest?.status),
        column(settlements, ({ rest }) => rest?.errcode),
        column(settlements, ({ rest }) => storable(rest?.errmsg)),
      ],
    });
    const results = new Map<string, SettleResult>(
      rows.map(({ lane_id, claim, gone }) => [holdKey(lane_id, claim), gone ? 'gone' : 'kept']),
    );
    return given.map(({ lane: { laneId, claim } }) => results.get(holdKey(laneId, claim)) ?? 'refused');
  };
}
