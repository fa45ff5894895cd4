import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import { type HeldLane, holdKey } from './lane.js';
import { closeParts, type SettleResult } from './settle.js';

/**
 * Closes the first message of each lane for a person to answer: the reply logic has not run for it, and will not.
 *
 * As settling, but only where the conversation is still taken. The row that says so is locked, and one that was deleted behind
 * this statement's snapshot is seen to be gone: whoever hands the conversation back comes before or after, never between. Where
 * it is gone, the message is the reply logic's, which the next look says.
 */
const entrustSql = `
  with input as materialized (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[])
      as i (lane_id, claim, message_id, seen, seen_done, next_received_at)
  ),
  held as materialized (
    select i.lane_id, i.claim, i.message_id, i.seen, i.seen_done, i.next_received_at, l.app_id, l.openid, l.arrivals, l.done_id
    from input i join wechat.lane l on l.id = i.lane_id and l.claim = i.claim
    order by l.app_id, l.openid, l.slot for update of l
  ),
  taken as materialized (
    select held.lane_id, held.claim
    from held join wechat.handover h on (h.app_id, h.openid) = (held.app_id, held.openid)
    order by held.app_id, held.openid for key share of h
  ),
  closed as (
    update wechat.inbound_message m
    set status = 'settled', settled_at = now(), for_agent = true
    from held
    where m.id = held.message_id and m.settled_at is null
      and (held.lane_id, held.claim) in (select lane_id, claim from taken)
    returning m.id
  ),
  ${closeParts}`;

/** @param lanes each with an open message that is not planned */
export function createEntrust(pool: Pool): (lanes: readonly HeldLane[]) => Promise<SettleResult[]> {
  return async (lanes) => {
    const { rows } = await pool.query<{ lane_id: string; claim: string; gone: boolean }>({
      name: 'entrust',
      text: entrustSql,
      values: [
        column(lanes, ({ laneId }) => laneId),
        column(lanes, ({ claim }) => claim),
        column(lanes, ({ message }) => message?.id),
        column(lanes, ({ arrivals, nextReceivedAt }) => (nextReceivedAt ? null : arrivals)),
        column(lanes, ({ doneId }) => doneId),
        column(lanes, ({ nextReceivedAt }) => nextReceivedAt),
      ],
    });
    const results = new Map<string, SettleResult>(
      rows.map(({ lane_id, claim, gone }) => [holdKey(lane_id, claim), gone ? 'gone' : 'kept']),
    );
    return lanes.map(({ laneId, claim }) => results.get(holdKey(laneId, claim)) ?? 'refused');
  };
}
