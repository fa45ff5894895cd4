import { advisoryLocks, lockClass } from '../db/locks.js';
import type { Pool } from '../db/pool.js';
import type { Hold } from './lane.js';

/** Lanes taken up in one run; the next run goes on. */
const batch = 1_000;

/**
 * Rings for lanes that are free, overdue, and whose ring must be gone. graphile-worker runs jobs of one priority in the order of
 * run_at: a lane that was due well before the oldest job of its priority that still waits cannot be in any of them. Moving
 * due_at keeps the next run from ringing again while the job waits.
 *
 * A lane that became urgent while it waited may be in an urgent job that is younger than its due_at: it is rung for once more,
 * which does no harm. To wait for the backlog of the other priority would cost those their minute whose ring is gone.
 *
 * Lanes of an account that rests have no job on purpose: its end rings.
 *
 * The jobs are looked at once, hence `materialized`: for each lane anew, it would take minutes when both are many.
 *
 * The safety net, not the mechanism: it is for jobs that were deleted by hand, and the like. One process at a time.
 */
const reconcileSql = `
  with turn as (select pg_try_advisory_xact_lock(${lockClass}, ${advisoryLocks.reconcile}) as mine),
  oldest as materialized (
    select least(min(run_at) filter (where priority >= 0), now()) as run_at,
           least(min(run_at) filter (where priority < 0), now()) as urgent_run_at
    from graphile_worker.jobs
    where task_identifier = 'lanes' and locked_at is null and attempts < max_attempts and run_at <= now()
  ),
  stranded as materialized (
    select l.id
    from wechat.lane l cross join oldest cross join turn
    where turn.mine and l.claim is null
      and l.due_at < case when l.urgent_until > now() then oldest.urgent_run_at else oldest.run_at end
        - $2 * interval '1 ms'
      and not exists (select from wechat.account_pause p where p.app_id = l.app_id)
    order by l.due_at limit $1
    for update of l skip locked
  ),
  moved as (
    update wechat.lane l set due_at = now() from stranded where l.id = stranded.id
    returning l.id, coalesce(l.urgent_until > now(), false) as urgent
  ),
  job as (
    select wechat.ring(array_agg(id), array_agg(urgent), array_agg(now())) from moved having count(*) > 0
  )
  select count(*)::int as lanes from moved cross join (select count(*) from job) as rung`;

/** How long a lane must be overdue: a job on its way to a worker must not be doubled. */
const overdueForMs = 20_000;

/** @returns how many lanes were rung for */
export async function reconcile(pool: Pool, overdueMs = overdueForMs): Promise<number> {
  const { rows } = await pool.query<{ lanes: number }>(reconcileSql, [batch, overdueMs]);
  return rows[0]?.lanes ?? 0;
}

/**
 * What this worker holds by the database, for at least so many seconds: to be compared with what it knows. A claim whose answer
 * was lost is asked for again under its number, so there is a difference only after a failure that nobody foresaw.
 */
export async function heldBy(pool: Pool, workerId: number, seconds: number): Promise<Hold[]> {
  const { rows } = await pool.query<{ id: string; claim: string }>(
    `select id, claim from wechat.lane where worker_id = $1 and claimed_at <= now() - $2 * interval '1 second'`,
    [workerId, seconds],
  );
  return rows.map(({ id, claim }) => ({ laneId: id, claim }));
}
