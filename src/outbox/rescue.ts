import type { Pool } from '../db/pool.js';

/** From so many crashes on the reply logic of a message runs alone. */
export const suspectAfter = 2;

/**
 * How long a worker may give no sign before it is missing: by default 8 s.
 *
 * @param rescueAfterMs how long it must be missing then, before its work is given away
 */
export const silenceMs = (rescueAfterMs: number) => 0.8 * rescueAfterMs;

/** Lanes freed by one statement. */
const batch = 5_000;

export interface Rescued {
  /** Ids of the workers that were declared dead now. */
  workers: number[];
  /** Lanes that were given away. */
  lanes: number;
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
    select id, heartbeat_at > now() - $1 * interval '1 ms' and wechat.worker_lives(id) as alive
    from wechat.worker_process worker where ended_at is null
  ) seen
  where seen.id = w.id and w.ended_at is null and alive = (w.missing_since is not null)`;

/**
 * Declares the missing dead. Their graphile-worker jobs are unlocked, which would else take four hours. From now on they claim
 * nothing; what they hold is freed by the next statement.
 */
const declareDeadSql = `
  with dead as (
    update wechat.worker_process set ended_at = now()
    where id in (
      select id from wechat.worker_process
      where ended_at is null and missing_since <= now() - $1 * interval '1 ms'
      for update skip locked)
    returning id, pool_id
  ),
  unlocked as (
    select graphile_worker.force_unlock_workers(array_agg(pool_id))
    from dead where pool_id is not null having count(*) > 0
  )
  select dead.id from dead cross join (select count(*) from unlocked) as jobs`;

/**
 * Frees what is held by workers that do not live, by who lives and not by who has just died: a claim that commits behind this
 * statement's snapshot is met by the next round. What is locked at this moment is, too: it waits for nobody. Claims are compared,
 * because behind the snapshot a lane may have come into the hands of a worker that has only just started.
 *
 * What is freed was begun already, so it goes before all that waits.
 *
 * Attempts that were under way are found by whoever looks at the lane next (`sending` without an end: outcome unknown).
 *
 * A message whose reply logic had not come to an end may be what killed the worker. Which of many it was nobody knows at
 * first; from the second time on they are run one by one, with the start on record, and only the one that ran counts.
 */
const freeSql = `
  with dead as materialized (
    select l.id, l.claim from wechat.lane l
    where l.claim is not null
      and not exists (select from wechat.worker_process w where w.id = l.worker_id and w.ended_at is null)
    limit ${batch}
  ),
  held as materialized (
    select l.id from dead join wechat.lane l on l.id = dead.id and l.claim = dead.claim
    for update of l skip locked
  ),
  freed as (
    update wechat.lane l
    set claim = null, worker_id = null, claimed_at = null, suspected_at = null,
        crashes = l.crashes + case when l.crashes < ${suspectAfter} or l.suspected_at is not null then 1 else 0 end
    from held where l.id = held.id
    returning l.id, coalesce(l.urgent_until > now(), false) as urgent
  ),
  job as (
    select wechat.ring_first(array_agg(id), array_agg(urgent)) from freed having count(*) > 0
  )
  select count(*)::int as lanes from freed cross join (select count(*) from job) as rung`;

/**
 * Finds workers that died and gives their lanes to the others. Run it often: it is cheap when all are well.
 *
 * @param missedForMs how long a worker must be missing
 */
export async function rescue(pool: Pool, missedForMs: number): Promise<Rescued> {
  await pool.query(noteMissingSql, [silenceMs(missedForMs)]);
  const { rows } = await pool.query<{ id: number }>(declareDeadSql, [missedForMs]);
  const workers = rows.map(({ id }) => id);
  let lanes = 0;
  for (;;) {
    const freed = (await pool.query<{ lanes: number }>(freeSql)).rows[0]?.lanes ?? 0;
    lanes += freed;
    if (freed < batch) return { workers, lanes };
  }
}

/** How many workers are not known to be dead or missing; at least one, who asks. */
export async function countAlive(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ alive: number }>(
    `select greatest(1, count(*))::int as alive from wechat.worker_process
     where ended_at is null and missing_since is null`,
  );
  return rows[0]?.alive ?? 1;
}
