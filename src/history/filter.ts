import { sql } from 'kysely';
import type { Database } from '../db/kysely.js';

/** Which deliveries or messages a list is to show. */
export interface ListFilter {
  /** Default: those that are not through. */
  state?: string | undefined;
  /** Several, in place of `state`. */
  states?: readonly string[] | undefined;
  /** Of messages that are settled: those that were left to a person, or those that were not; default: both. */
  forAgent?: boolean | undefined;
  /** msg_type; of messages also `event:click` and the like, for one event. */
  type?: string | undefined;
  account?: string | undefined;
  openid?: string | undefined;
  code?: number | undefined;
  since: Date;
  until?: Date | undefined;
  text?: string | undefined;
  /** Only what has a lower id: the last row of the page before. */
  before?: string | undefined;
  /** Only what has a higher id: where a search ends that is done in steps. */
  above?: string | undefined;
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

/** The states that are asked for. */
export function statesOf({ state, states }: ListFilter, otherwise: readonly string[]): readonly string[] {
  return states ?? (state ? [state] : otherwise);
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

/** Where to end, by the same reasoning; where nothing came within a day of that time, nowhere. */
export function firstIdSince(table: 'delivery' | 'inbound_message', column: string, since: Date) {
  const firstWithin = (hours: number) => sql`(
    select min(id + 0) from ${sql.table(`wechat.${table}`)}
    where ${sql.ref(column)} >= ${since} and ${sql.ref(column)} < ${since}::timestamptz + ${hours} * interval '1 hour')`;
  return sql<string>`coalesce(${firstWithin(1)}, ${firstWithin(24)}, 0)`;
}
