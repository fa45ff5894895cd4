import { sql } from 'kysely';
import type { Database } from '../db/kysely.js';

/** Which deliveries or messages `list` is to show. */
export interface ListFilter {
  state?: string | undefined;
  account?: string | undefined;
  openid?: string | undefined;
  code?: number | undefined;
  since: Date;
  until?: Date | undefined;
  text?: string | undefined;
  limit: number;
}

/** The account that is asked for, or all. */
export async function accountsOf(db: Database, { account }: { account?: string | undefined }) {
  if (account !== undefined) return [account];
  const { rows } = await sql<{ app_id: string }>`select wechat.accounts() as app_id`.execute(db);
  return rows.map(({ app_id }) => app_id);
}

/** For ILIKE: the text as it stands, whatever it holds. */
export function patternOf(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

/**
 * Where to begin, going back by id, for what came before a time: ids grow with time, and only times have an index that finds a day.
 * Within an hour of it, so that little is read for this; where nothing came in that hour, at the end. (+ 0: a bare max would go back by
 * id itself.)
 */
export function lastIdBefore(table: 'delivery' | 'inbound_message', column: string, until: Date | undefined) {
  const end = sql<string>`9223372036854775807`;
  if (!until) return end;
  return sql<string>`coalesce((
    select max(id + 0) from ${sql.table(`wechat.${table}`)}
    where ${sql.ref(column)} < ${until} and ${sql.ref(column)} >= ${until}::timestamptz - interval '1 hour'), ${end})`;
}
