import type { Pool } from '../db/pool.js';
import { aliveLockClass, silenceMs } from '../worker/session.js';

/** From so many crashes on a message is run alone. */
export const suspectAfter = 2;

export interface Rescued {
  workers: number[];
  messages: number;
}

/**
 * Notes who is missing since when: whose lock is free, or who gave no sign for some heartbeats. Touches only rows that
 * change. After a restart of Postgres all locks are gone and all signs are old: the living need a moment, which is why
 * nobody is declared dead at first sight.
 */
const noteMissingSql = `
  update wechat.worker_process w
  set missing_since = case when alive then null else now() end
  from (
    select id, heartbeat_at > now() - $2 * interval '1 ms' and exists (
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
 *
 * A message whose reply logic had not come to an end may be what killed the worker. Which of many it was nobody knows at
 * first; from the second time on they are run one by one, with the start on record, and only the one that ran counts.
 */
const rescueSql = `
  with dead as (
    update wechat.worker_process set ended_at = now()
    where id in (
      select id from wechat.worker_process
      where ended_at is null and missing_since <= now() - $1 * interval '1 ms'
      for update skip locked)
    returning id, pool_id
  ),
  freed as (
    update wechat.inbound_message m
    set claimed_by = null, claimed_at = null, due_at = now(), reply_started_at = null,
        reply_attempts = reply_attempts - case status when 'received' then 1 else 0 end,
        crashes = crashes + case
          when status = 'received' and (crashes < ${suspectAfter} or reply_started_at is not null) then 1 else 0 end
    where settled_at is null and claimed_by in (select id from dead)
    returning id, wechat.is_urgent(window_ends_at, created_at) as urgent
  ),
  job as (
    select wechat.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(now())) from freed having count(*) > 0
  ),
  unlocked as (
    select graphile_worker.force_unlock_workers(array_agg(pool_id))
    from dead where pool_id is not null having count(*) > 0
  )
  select dead.id, (select count(*)::int from freed) as messages
  from dead cross join (select count(*) from job) as added cross join (select count(*) from unlocked) as freed_jobs`;

/**
 * Finds workers that died and returns their messages to the others. Run it often: it is cheap when all are well.
 *
 * @param missedForMs how long a worker must be missing
 */
export async function rescue(pool: Pool, missedForMs: number): Promise<Rescued> {
  await pool.query(noteMissingSql, [aliveLockClass, silenceMs(missedForMs)]);
  const { rows } = await pool.query<{ id: number; messages: number }>(rescueSql, [missedForMs]);
  return { workers: rows.map(({ id }) => id), messages: rows[0]?.messages ?? 0 };
}

/** How many workers are not known to be dead or missing; at least one, who asks. */
export async function countAlive(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ alive: number }>(
    `select greatest(1, count(*))::int as alive from wechat.worker_process
     where ended_at is null and missing_since is null`,
  );
  return rows[0]?.alive ?? 1;
}
