type Value = string | number | boolean | Date | null | undefined;

/**
 * One value of each item, as Postgres writes an array: for statements that take many rows at once, by
 * `unnest($1::bigint[], $2::text[], …)`. pg writes arrays too, but takes each value through all its conversions
 * (docs/performance.md).
 */
export function column<Item>(items: readonly Item[], pick: (item: Item) => Value): string {
  return `{${items.map((item) => element(pick(item))).join(',')}}`;
}

/** Source: PostgreSQL, 8.15.6 Array Input and Output Syntax. Numbers, booleans and times hold nothing to be quoted. */
function element(value: Value): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string')
    return `"${quotable.test(value) ? value.replace(quotables, '\\$&') : value}"`;
  return typeof value === 'object' ? value.toISOString() : String(value);
}

const quotable = /["\\]/;
const quotables = /["\\]/g;
