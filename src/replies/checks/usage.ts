import { column } from '../../db/column.js';
import type { Pool } from '../../db/pool.js';
import type { Allowance } from '../../wechat/in/window.js';

/** A message of a user that is to be counted. */
export interface Use {
  appId: string;
  openid: string;
  messageId: string;
  limits: readonly Allowance[];
}

/** `exceeded`: the limit that leaves no room for it, and whether the user is to be told. */
export type UseResult = { kind: 'within' } | { kind: 'exceeded'; limit: Allowance; isNoticeDue: boolean };

/** Users are locked in one order: sets of several workers cannot wait for each other. */
const useSql = `
  select i.message_id, used.exceeded, used.is_notice_due
  from (
    select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
      as i (app_id, openid, message_id, quotas, periods)
    order by app_id, openid, message_id
  ) i
  cross join lateral wechat.use_allowance(i.app_id, i.openid, i.message_id, i.quotas::int[], i.periods::int[]) used`;

/** Counts messages, each once however often it is asked for, over all workers (see migrations/0013_limits.sql). */
export function createUse(pool: Pool): (uses: readonly Use[]) => Promise<UseResult[]> {
  return async (uses) => {
    const { rows } = await pool.query<{
      message_id: string;
      exceeded: number | null;
      is_notice_due: boolean;
    }>({
      name: 'use_allowance',
      text: useSql,
      values: [
        column(uses, ({ appId }) => appId),
        column(uses, ({ openid }) => openid),
        column(uses, ({ messageId }) => messageId),
        column(uses, ({ limits }) => column(limits, ({ quota }) => quota)),
        column(uses, ({ limits }) => column(limits, ({ seconds }) => seconds)),
      ],
    });
    const found = new Map(rows.map((row) => [row.message_id, row]));
    return uses.map(({ messageId, limits }) => {
      const row = found.get(messageId);
      const limit = row?.exceeded ? limits[row.exceeded - 1] : undefined;
      return limit
        ? { kind: 'exceeded', limit, isNoticeDue: row?.is_notice_due ?? false }
        : { kind: 'within' };
    });
  };
}

/** Deletes what counts no more. */
export async function deleteUsage(pool: Pool): Promise<void> {
  await pool.query('delete from wechat.user_usage where kept_until < now()');
}
