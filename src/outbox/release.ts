import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import { type Hold, holdKey } from './lane.js';
import { storable } from './storable.js';

/** A lane given back before its first message was settled. */
export interface Release extends Hold {
  /** When it is to be taken up again; 0: at once, before all that waits, as on a process that stops. */
  delayMs: number;
  /** What the reply logic failed with: one more failure of its first message. */
  failure?: string | undefined;
}

/**
 * Gives lanes back, and rings for them in the same statement: whatever the outage, no lane is left without a job.
 *
 * What a lane waits for may have come while it was held (wechat.accept_reply): a due_at behind claimed_at says so, and then it is
 * due at once. That is the locked row's to say, not the snapshot's.
 */
const releaseSql = `
  with held as materialized (
    select l.id, l.claim, i.delay_ms, i.failure
    from unnest($1::bigint[], $2::bigint[], $3::float8[], $4::text[]) as i (lane_id, claim, delay_ms, failure)
    join wechat.lane l on l.id = i.lane_id and l.claim = i.claim
    order by l.app_id, l.openid, l.slot for update of l
  ),
  freed as (
    update wechat.lane l
    set claim = null, worker_id = null, claimed_at = null, suspected_at = null,
        due_at = case
          when held.delay_ms > 0 and l.due_at <= l.claimed_at then now() + held.delay_ms * interval '1 ms'
          else l.due_at
        end,
        failures = l.failures + case when held.failure is null then 0 else 1 end, error = coalesce(held.failure, l.error)
    from held where l.id = held.id
    returning l.id, held.claim, coalesce(l.urgent_until > now(), false) as urgent, l.due_at
  ),
  later as (
    select wechat.ring(array_agg(id), array_agg(urgent), array_agg(due_at)) from freed where due_at > now() having count(*) > 0
  ),
  at_once as (
    select wechat.ring_first(array_agg(id), array_agg(urgent)) from freed where due_at <= now() having count(*) > 0
  )
  select id, claim
  from freed cross join (select count(*) from later) as later cross join (select count(*) from at_once) as at_once`;

/** True where the lane was given back; false where it was not this claim's any more. */
export function createRelease(pool: Pool): (releases: readonly Release[]) => Promise<boolean[]> {
  return async (releases) => {
    const { rows } = await pool.query<{ id: string; claim: string }>({
      name: 'release',
      text: releaseSql,
      values: [
        column(releases, ({ laneId }) => laneId),
        column(releases, ({ claim }) => claim),
        column(releases, ({ delayMs }) => delayMs),
        column(releases, ({ failure }) => storable(failure)),
      ],
    });
    const freed = new Set(rows.map(({ id, claim }) => holdKey(id, claim)));
    return releases.map(({ laneId, claim }) => freed.has(holdKey(laneId, claim)));
  };
}
