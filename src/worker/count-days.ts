import { advisoryLocks, lockClass } from '../db/locks.js';
import type { Pool } from '../db/pool.js';
import { inTransaction } from '../db/transaction.js';

/**
 * Counts one day that is over into wechat.day_figures: one that is missing, or of which something changed since, the latest first.
 * One process at a time.
 *
 * @returns the day that was counted; undefined where there was none, or another process counts
 */
export function countNextDay(pool: Pool): Promise<string | undefined> {
  // In one snapshot: a change that it does not see stays noted.
  return inTransaction(pool, 'begin isolation level repeatable read', async (client) => {
    const { rows } = await client.query<{ day: string | null }>(daySql, [lockClass, advisoryLocks.figures]);
    const day = rows[0]?.day ?? undefined;
    if (day !== undefined) await client.query('select wechat.count_day($1)', [day]);
    return day;
  });
}

const daySql = `
  select case when pg_try_advisory_xact_lock($1::int, $2::int) then wechat.day_to_count()::text end as day`;
