import { advisoryLocks, lockClass } from '../db/locks.js';
import type { Pool } from '../db/pool.js';

/**
 * Counts one day that is over into wechat.day_figures: one that is missing, or of which something changed since, the latest first.
 * One process at a time.
 *
 * @returns the day that was counted; undefined where there was none, or another process counts
 */
export async function countNextDay(pool: Pool): Promise<string | undefined> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // In one snapshot: a change that it does not see stays noted.
    await client.query('begin isolation level repeatable read');
    const { rows } = await client.query<{ day: string | null }>(daySql, [lockClass, advisoryLocks.figures]);
    const day = rows[0]?.day ?? undefined;
    if (day !== undefined) await client.query('select wechat.count_day($1)', [day]);
    await client.query('commit');
    return day;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

const daySql = `
  select case when pg_try_advisory_xact_lock($1::int, $2::int) then wechat.day_to_count()::text end as day`;
