import { classifyDatabaseError } from '../db/errors.js';
import { advisoryLocks, lockClass } from '../db/locks.js';
import type { Pool } from '../db/pool.js';
import { inTransaction } from '../db/transaction.js';

/** Days whose counting took longer than a statement may, and when that was. Until they are tried again they are read from the messages. */
export type TooLarge = Map<string, number>;

/** Postgres may have been busy with something else. */
const tooLargeForMs = 6 * 3_600_000;

/**
 * Counts one day that is over into wechat.day_figures: one that is missing, or of which something changed since, the latest first.
 * One process at a time.
 *
 * @param options.tooLarge what was found to be too large: it is kept here, and does not keep others waiting
 * @returns the day that was counted; undefined where there was none, or another process counts
 */
export async function countNextDay(
  pool: Pool,
  { tooLarge = new Map(), now = Date.now() }: { tooLarge?: TooLarge; now?: number } = {},
): Promise<string | undefined> {
  for (const [day, at] of tooLarge) if (now - at >= tooLargeForMs) tooLarge.delete(day);
  let day: string | undefined;
  try {
    // In one snapshot: a change that it does not see stays noted.
    await inTransaction(pool, 'begin isolation level repeatable read', async (client) => {
      const { rows } = await client.query<{ day: string | null }>(daySql, [
        ...[lockClass, advisoryLocks.figures],
        [...tooLarge.keys()],
      ]);
      day = rows[0]?.day ?? undefined;
      if (day !== undefined) await client.query('select wechat.count_day($1)', [day]);
    });
  } catch (error) {
    if (day !== undefined && classifyDatabaseError(error) === 'slow') tooLarge.set(day, now);
    throw error;
  }
  return day;
}

const daySql = `
  select case when pg_try_advisory_xact_lock($1::int, $2::int) then wechat.day_to_count($3::date[])::text end as day`;
