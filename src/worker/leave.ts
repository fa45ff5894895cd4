import type { ClientBase } from 'pg';

/** What is still in hand when the grace period is over is given back at once; what was begun is found as unknown. */
const leaveSql = `
  with gone as (
    update wechat.worker_process set ended_at = now() where id = $1
  ),
  freed as (
    update wechat.inbound_message
    set claimed_by = null, claimed_at = null, due_at = now(), reply_started_at = null,
        reply_attempts = reply_attempts - case status when 'received' then 1 else 0 end
    where settled_at is null and claimed_by = $1
    returning id, wechat.is_urgent(window_ends_at, created_at) as urgent
  )
  select wechat.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(now())) from freed having count(*) > 0`;

export async function leave(client: ClientBase, workerId: number): Promise<void> {
  await client.query(leaveSql, [workerId]);
}
