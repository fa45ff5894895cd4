import { sql } from 'kysely';
import { createKysely } from '../db/kysely.js';
import type { Pool } from '../db/pool.js';
import { firstIdSince, type ListFilter, lastIdBefore } from './filter.js';

export interface SearchedPage<Row> {
  rows: Row[];
  /** What `before` must be to go on; null where nothing is left. */
  next: string | null;
}

export interface Search<Row> {
  table: 'delivery' | 'inbound_message';
  /** By which a time is found. */
  column: string;
  /** One more row than asked for, where there are more. */
  find(filter: ListFilter): Promise<Row[]>;
  /** After so long a page is what was found until then, and the next begins where this one ended. In ms; default 200. */
  longestMs?: number;
  /** Ids that the first step looks at; default 10,000. */
  firstStep?: number;
}

const mostInStep = 1_000_000;

/** Whether only reading can find it: no index knows texts, types and codes. What one user wrote is found by their own index. */
export const needsReading = ({ text, type, code, openid }: ListFilter) =>
  openid === undefined && (text !== undefined || type !== undefined || code !== undefined);

/** Back by id in steps, so that what is rare, or nowhere, takes no longer than what is found at once. */
export async function search<Row extends { id: string }>(
  pool: Pool,
  filter: ListFilter,
  { table, column, find, longestMs = 200, firstStep = 10_000 }: Search<Row>,
): Promise<SearchedPage<Row>> {
  const ends = await endsOf(pool, filter, table, column);
  const rows: Row[] = [];
  const endsAt = performance.now() + longestMs;
  let before = BigInt(filter.before ?? ends.last) + (filter.before === undefined ? 1n : 0n);
  for (let size = firstStep; before > ends.first; ) {
    const startedAt = performance.now();
    const above = larger(before - BigInt(size) - 1n, ends.first - 1n);
    const limit = filter.limit - rows.length;
    rows.push(...(await find({ ...filter, limit, before: String(before), above: String(above) })));
    if (rows.length > filter.limit) {
      const page = rows.slice(0, filter.limit);
      return { rows: page, next: page.at(-1)?.id ?? null };
    }
    before = above + 1n;
    const [tookMs, leftMs] = [performance.now() - startedAt, endsAt - performance.now()];
    if (leftMs <= 0) return { rows, next: before > ends.first ? String(before) : null };
    // As many as the rest of the time is good for, at the pace of this step.
    size = Math.ceil(Math.min(mostInStep, Math.max(firstStep, (size * leftMs) / Math.max(1, tookMs))));
  }
  return { rows, next: null };
}

const larger = (one: bigint, other: bigint) => (one > other ? one : other);

/** The ids between which all lies that the filter's times allow. */
async function endsOf(
  pool: Pool,
  { since, until }: ListFilter,
  table: Search<unknown>['table'],
  column: string,
): Promise<{ first: bigint; last: bigint }> {
  const { rows } = await sql<{ first: string; last: string }>`
    select ${firstIdSince(table, column, since)}::text as first,
      least((select coalesce(max(id), 0) from ${sql.table(`wechat.${table}`)}), ${lastIdBefore(table, column, until)})::text as last
    `.execute(createKysely(pool));
  const [row] = rows;
  return { first: BigInt(row?.first ?? 0), last: BigInt(row?.last ?? 0) };
}
