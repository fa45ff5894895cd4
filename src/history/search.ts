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
  /** After so long a page is what was found until then, and the next begins where this one ended. In ms; default 150. */
  longestMs?: number;
  /** Ids that the first step looks at; default 10,000. */
  firstStep?: number;
}

/** From the first look to the last: what is around it has the rest of the 300 ms that a page may take. */
const defaultMs = 150;
/** Less is spent on what a step costs whatever it reads. */
const leastLeftMs = 15;
const mostInStep = 1_000_000;
const mostGrowth = 4;

/** Whether only reading can find it: no index knows texts, types and codes. What one user wrote is found by their own index. */
export const needsReading = ({ text, type, code, openid }: ListFilter) =>
  openid === undefined && (text !== undefined || type !== undefined || code !== undefined);

/** Back by id in steps, so that what is rare, or nowhere, takes no longer than what is found at once. */
export async function search<Row extends { id: string }>(
  pool: Pool,
  filter: ListFilter,
  { table, column, find, longestMs = defaultMs, firstStep = 10_000 }: Search<Row>,
): Promise<SearchedPage<Row>> {
  const endsAt = performance.now() + longestMs;
  const ends = await endsOf(pool, filter, table, column);
  const rows: Row[] = [];
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
    const now = performance.now();
    const next = nextStep({ size, firstStep, tookMs: now - startedAt, leftMs: endsAt - now });
    if (next === undefined) return { rows, next: before > ends.first ? String(before) : null };
    size = next;
  }
  return { rows, next: null };
}

/**
 * As many ids as half of the time that is left is good for, at the pace of the step before: that may have found all in memory, or next
 * to nothing that the filter asks for, and the next may not. Undefined: not even a short one would end in time.
 */
function nextStep({
  size,
  firstStep,
  tookMs,
  leftMs,
}: Record<'size' | 'firstStep' | 'tookMs' | 'leftMs', number>): number | undefined {
  const fits = (size * leftMs) / 2 / Math.max(1, tookMs);
  if (leftMs < leastLeftMs || fits < firstStep / 4) return undefined;
  return Math.ceil(Math.min(mostInStep, size * mostGrowth, fits));
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
