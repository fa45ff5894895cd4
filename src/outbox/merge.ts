import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import { type HeldLane, holdKey } from './lane.js';

/** A lane whose first message may be answered together with those behind it. */
export interface Merge {
  lane: HeldLane;
  /** What a user sends within so long of what they sent before is answered at once (MERGE_WITHIN). */
  withinMs: number;
}

/**
 * - `wait`: the user may be writing more; nothing was stored.
 * - `look`: it is decided what is answered together, here or by somebody else, or the lane is another's: look again.
 */
export type MergeResult = { kind: 'wait'; forMs: number } | { kind: 'look' };

/** After the first message nobody waits longer than so many times the setting. */
const mostTimes = 5;

/** Answered at once at most. */
const mostMessages = 100;

/**
 * Closes what a user sent in one go but the last message, which is answered for all of them.
 *
 * - A run begins with the first open message of the lane. The next one belongs to it that is a message, not an event, is not
 *   planned, and came within the time of the one before, and within five times that of the first. So by the times of arrival alone it
 *   is decided what belongs together, whoever looks, and when.
 * - While one more may come, nothing is closed. A run has ended when something else stands behind it.
 * - `merged_count` of the last says that it is decided, in the same statement, also where it stands alone. From there on none is
 *   added: its reply logic may have run.
 * - The lane is locked, and nothing has come since the look (`arrivals`), so this snapshot shows all there is. What an operator may
 *   have closed behind the look, the messages' own locks tell: rows that are locked are read anew.
 * - Run again after an answer that was lost, it finds the first message decided, and does nothing.
 */
const mergeSql = `
  with held as materialized (
    select i.lane_id, i.claim, given.span, l.app_id, l.openid, l.done_id
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[]) as i (lane_id, claim, seen, within_ms)
    cross join lateral (select i.within_ms * interval '1 ms') as given (span)
    join wechat.lane l on l.id = i.lane_id and l.claim = i.claim and l.slot = '' and l.arrivals = i.seen
    order by l.app_id, l.openid, l.slot for update of l
  ),
  open as materialized (
    select held.lane_id, held.claim, held.span, m.id, m.received_at,
      m.msg_type <> 'event' and m.merged_count is null
        and not exists (select from wechat.delivery d where d.message_id = m.id) as is_mergeable
    from held
    cross join lateral (
      select * from wechat.inbound_message m
      where m.app_id = held.app_id and m.openid = held.openid and m.slot = '' and m.id > held.done_id and m.settled_at is null
      order by m.id limit ${mostMessages + 1} for update
    ) m
  ),
  placed as (
    select *, row_number() over sent as place, first_value(received_at) over sent as first_at,
      lag(received_at) over sent as previous_at
    from open window sent as (partition by lane_id, claim order by id)
  ),
  counted as (
    select *, bool_and(
        is_mergeable and place <= ${mostMessages}
        and (place = 1 or received_at <= least(previous_at + span, first_at + ${mostTimes} * span))
      ) over (partition by lane_id, claim order by id) as belongs
    from placed
  ),
  run as materialized (
    select lane_id, claim, max(id) filter (where belongs) as last_id, count(*) filter (where belongs) as messages,
      case when bool_and(belongs)
        then least(max(received_at) + min(span), min(first_at) + ${mostTimes} * min(span)) - clock_timestamp()
        else interval '0'
      end as remaining
    from counted group by lane_id, claim
    having bool_or(belongs)
  ),
  merged as (
    update wechat.inbound_message m
    set status = 'settled', settled_at = now(), merged_into = run.last_id
    from run join counted on (counted.lane_id, counted.claim) = (run.lane_id, run.claim) and counted.belongs
    where m.id = counted.id and m.id <> run.last_id and run.remaining <= interval '0'
  ),
  decided as (
    update wechat.inbound_message m
    set merged_count = run.messages - 1
    from run where m.id = run.last_id and run.remaining <= interval '0'
  ),
  counted_down as (
    update wechat.lane l
    set waiting = greatest(1, l.waiting - run.messages + 1)
    from run where l.id = run.lane_id and l.claim = run.claim and run.messages > 1 and run.remaining <= interval '0'
  )
  select lane_id, claim, 1000 * extract(epoch from remaining)::float8 as wait_ms
  from run where remaining > interval '0'`;

export function createMerge(pool: Pool): (merges: readonly Merge[]) => Promise<MergeResult[]> {
  return async (merges) => {
    const lanes = merges.map(({ lane }) => lane);
    const { rows } = await pool.query<{ lane_id: string; claim: string; wait_ms: number }>({
      name: 'merge',
      text: mergeSql,
      values: [
        column(lanes, ({ laneId }) => laneId),
        column(lanes, ({ claim }) => claim),
        column(lanes, ({ arrivals }) => arrivals),
        column(merges, ({ withinMs }) => withinMs),
      ],
    });
    const waits = new Map(rows.map(({ lane_id, claim, wait_ms }) => [holdKey(lane_id, claim), wait_ms]));
    return lanes.map(({ laneId, claim }) => {
      const forMs = waits.get(holdKey(laneId, claim));
      return forMs === undefined ? { kind: 'look' } : { kind: 'wait', forMs };
    });
  };
}
