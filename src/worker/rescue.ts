import type { Pool } from '../db/pool.js';
import { aliveLockClass } from './session.js';

export interface Rescued {
  workers: number[];
  messages: number;
}

/**
 * A worker whose lock is free is missed for this long before its work is given away: after a restart of Postgres
 * all locks are gone, and the living need a moment to take theirs again.
 */
const missedFor = '10 seconds';

/** Notes who is missing since when; touches only rows that change. */
const noteMissingSql = `
  update wechat.worker_process w
  set missing_since = case when alive then null else now() end
  from (
    select id, exists (
      select from pg_locks
      where locktype = 'advisory' and classid = $1 and objid = worker.id and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())
    ) as alive
    from wechat.worker_process worker where ended_at is null
  ) seen
  where seen.id = w.id and w.ended_at is null and alive = (w.missing_since is not null)`;

/**
 * Declares the missing dead and gives away what they had claimed, with a job, in one transaction. Their attempts
 * that were under way are found by whoever claims the message next (`sending` without an end: outcome unknown).
 * Their graphile-worker jobs are unlocked, which would else take four hours.
 */
const rescueSql = `
  with dead as (
    update wechat.worker_process set ended_at = now()
    where id in (
      select id from wechat.worker_process
      where ended_at is null and missing_since < now() - interval '${missedFor}'
      for update skip locked)
    returning id, pool_id
  ),
  freed as (
    update wechat.inbound_message set claimed_by = null, claimed_at = null, due_at = now()
    where settled_at is null and claimed_by in (select id from dead)
    returning id
  ),
  job as (
    select graphile_worker.add_job('answer', json_build_object('ids', json_agg(id::text order by id)))
    from freed having count(*) > 0
  ),
  unlocked as (
    select graphile_worker.force_unlock_workers(array_agg(pool_id))
    from dead where pool_id is not null having count(*) > 0
  )
  select dead.id, (select count(*)::int from freed) as messages
  from dead cross join (select count(*) from job) as added cross join (select count(*) from unlocked) as freed_jobs`;

/** Finds workers that died and returns their messages to the others. Run it often: it is cheap when all are well. */
export async function rescue(pool: Pool): Promise<Rescued> {
  await pool.query(noteMissingSql, [aliveLockClass]);
  const { rows } = await pool.query<{ id: number; messages: number }>(rescueSql);
  return { workers: rows.map(({ id }) => id), messages: rows[0]?.messages ?? 0 };
}
