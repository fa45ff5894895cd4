import type { Pool } from '../db/pool.js';

/** Messages taken up in one run; the next run goes on. */
const batch = 1_000;

/**
 * Gives a job to heads of conversations that are unsettled, claimed by nobody, and overdue, and whose job must be gone.
 * graphile-worker runs jobs of one priority in the order of run_at: a message due well before the oldest job of its
 * priority that still waits cannot be in any of them. Moving due_at keeps the next run from adding the same again while
 * the job waits. What a worker that has ended still holds is freed, wherever it stands in its conversation.
 *
 * Messages of an account that rests have no job on purpose: they get theirs when it resumes.
 *
 * The safety net, not the mechanism: it is for jobs deleted by hand, a crash between settling one message and
 * claiming the next, and the like. One process at a time.
 */
const reconcileSql = `
  with turn as (select pg_try_advisory_xact_lock(1467502434, 0) as mine),
  oldest as (
    select least(min(run_at) filter (where priority >= 0), now()) as run_at,
           least(min(run_at) filter (where priority < 0), now()) as urgent_run_at
    from graphile_worker.jobs
    where task_identifier = 'answer' and locked_at is null and attempts < max_attempts and run_at <= now()
  ),
  stranded as (
    select m.id, wechat.is_urgent(m.window_ends_at, m.created_at) as urgent
    from wechat.inbound_message m
    cross join oldest cross join turn
    left join wechat.worker_process worker on worker.id = m.claimed_by
    where turn.mine and m.settled_at is null
      and (worker.ended_at is not null
        or (m.claimed_by is null
          and m.due_at <
            case when wechat.is_urgent(m.window_ends_at, m.created_at) then oldest.urgent_run_at else oldest.run_at end
            - $2 * interval '1 ms'
          and not exists (select from wechat.account_pause p where p.app_id = m.app_id)
          and not exists (
            select from wechat.inbound_message earlier
            where earlier.app_id = m.app_id and earlier.openid = m.openid and earlier.id < m.id
              and earlier.settled_at is null)))
    order by m.id limit $1
  ),
  moved as (
    update wechat.inbound_message m set due_at = now(), claimed_by = null, claimed_at = null
    from stranded
    where m.id = stranded.id and m.settled_at is null
      and (m.claimed_by is null
           or exists (select from wechat.worker_process w where w.id = m.claimed_by and w.ended_at is not null))
    returning m.id, stranded.urgent
  ),
  job as (
    select wechat.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(now())) from moved having count(*) > 0
  )
  select id from moved cross join (select count(*) from job) as added`;

/** How long a message must be overdue: a job on its way to a worker must not be doubled. */
const overdueForMs = 20_000;

/** @returns how many messages got going again */
export async function reconcile(pool: Pool, overdueMs = overdueForMs): Promise<number> {
  const { rowCount } = await pool.query(reconcileSql, [batch, overdueMs]);
  return rowCount ?? 0;
}
