import type { Pool } from '../../db/pool.js';
import { UsageError } from '../terminal/usage-error.js';

/**
 * The account that a user wrote to; undefined where they wrote to none.
 *
 * @throws UsageError where they wrote to several: --account must say which
 */
export async function onlyAccountOf(pool: Pool, openid: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ app_id: string }>(
    `select account as app_id from wechat.accounts() account
     where exists (select from wechat.inbound_message m where m.app_id = account and m.openid = $1)`,
    [openid],
  );
  if (rows.length > 1)
    throw new UsageError(`Say --account: ${openid} wrote to ${rows.map(({ app_id }) => app_id).join(', ')}`);
  return rows[0]?.app_id;
}
