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

type Table = 'delivery' | 'inbound_message';

/**
 * The last id that came before a time; null where the table is empty. Ids grow with time, so it is found by halving, in some thirty looks
 * at the primary key. The indexes on times would read whole parts of the table for it, and all of it where retention has made room
 * among old rows for new ones.
 */
export function lastIdAt(table: Table, column: string, time: Date) {
  const rows = sql.table(`wechat.${table}`);
  return sql<string | null>`(
    with recursive search as (
      select min(id) - 1 as low, max(id) as high from ${rows}
      union all
      select case when probe.is_before then half.id else s.low end, case when probe.is_before then s.high else half.id - 1 end
      from search s
      cross join lateral (select (s.low + s.high + 1) / 2 as id) half
      cross join lateral (
        select coalesce((
          select r.${sql.ref(column)} < ${time}::timestamptz from ${rows} r where r.id <= half.id order by r.id desc limit 1), true)
          as is_before
      ) probe
      where s.low < s.high
    )
    select low from search where low >= high)`;
}

/** Of transactions that overlap the later id may have the earlier time: so many ids are looked at beyond an end. */
const overlap = 1_000;

/** Where to begin, going back by id, for what came before a time; the time itself is to be asked for as well. */
export function lastIdBefore(table: Table, column: string, until: Date | undefined) {
  const end = sql<string>`9223372036854775807`;
  return until ? sql<string>`coalesce(${lastIdAt(table, column, until)} + ${overlap}::bigint, ${end})` : end;
}

/** Where to end, by the same reasoning. */
export function firstIdSince(table: Table, column: string, since: Date) {
  return sql<string>`coalesce(${lastIdAt(table, column, since)} - ${overlap}::bigint, 0)`;
}
