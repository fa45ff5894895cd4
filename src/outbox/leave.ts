import type { ClientBase } from 'pg';

/**
 * The end of a worker that leaves in good order: nothing is left to rescue. What is still in hand when its time is over is given
 * back at once, and goes before all that waits (see rescue); what was begun is found without an end, and is of unknown outcome.
 */
const leaveSql = `
  with gone as (
    update wechat.worker_process set ended_at = now() where id = $1
  ),
  held as materialized (
    select l.id from wechat.lane l where l.worker_id = $1
    order by l.app_id, l.openid, l.slot for update
  ),
  freed as (
    update wechat.lane l
    set claim = null, worker_id = null, claimed_at = null, suspected_at = null
    from held where l.id = held.id
    returning l.id, coalesce(l.urgent_until > now(), false) as urgent
  )
  select wechat.ring_first(array_agg(id), array_agg(urgent)) from freed having count(*) > 0`;

/** @param client the worker's session: it is the last that the worker says */
export async function leave(client: ClientBase, workerId: number): Promise<void> {
  await client.query(leaveSql, [workerId]);
}
