import type { Analytics } from '../../contract/overview.js';

/** What is asked of whole days of China. */
export interface DayRange {
  /** `2026-11-26`, the first. */
  first: string;
  /** The last, counted in. */
  last: string;
  account: string | undefined;
}

export type Ask = <Row extends object>(text: string, values: unknown[]) => Promise<Row[]>;

export type DayFigures = Omit<Analytics, 'since' | 'until' | 'unit' | 'failures'> & {
  failures: Omit<Analytics['failures'][number], 'meaning'>[];
};

/**
 * From figures that were counted day by day. Days of which none are there, or of which something changed since, are counted now: today
 * is one of these, hence always.
 */
export async function readDays(ask: Ask, { first, last, account }: DayRange): Promise<DayFigures> {
  const uncounted = await ask<{ day: string }>(uncountedSql, [first, last]);
  const [figures] = await ask<DayFigures>(figuresSql, [
    ...[first, last, account ?? null],
    uncounted.map(({ day }) => day),
  ]);
  if (!figures) throw new Error('Figures are one row');
  return figures;
}

const isCounted = (day: string) => `
  exists (select from wechat.counted_day c where c.day = ${day})
  and not exists (select from wechat.changed_day c where c.day = ${day})`;

/**
 * But for those before the first message, and those that are still to come. The first by id is not the first of all where an account
 * has moved in with its history; but what came before it is counted by now, or noted.
 */
const uncountedSql = `
  select series.at::date::text as day
  from generate_series(
    greatest($1::date, least(
      (select wechat.china_day(received_at) from wechat.inbound_message order by id limit 1),
      (select min(day) from wechat.changed_day)))::timestamp,
    least($2::date, wechat.china_day(now()))::timestamp, interval '1 day') series (at)
  where not (${isCounted('series.at::date')})
  order by 1`;

/** More rows of a table say nothing more. */
const mostRows = 200;

/** Lists of jsonb, such as [["shop", 3, 2], …], added up by their first part. */
const listOf = (column: string, name: string, columns: string, order: string) => `
  (select coalesce(json_agg(row), '[]') from (
     select ${name}, ${columns} from asked cross join lateral jsonb_array_elements(asked.${column}) one
     group by ${name.replaceAll(/ as \w+/g, '')} order by ${order} limit ${mostRows}) row)`;

const sumOf = (place: number) => `sum((one ->> ${place})::int)::int`;

/** In the middle of its bucket, by proportion: within 1 % of the truth. */
const msOf = (share: number) => `
  exp((min(bucket) filter (where up_to >= ${share}::double precision * answers) + 0.5) * ln(1.02::double precision))`;

/**
 * A user of the range is counted on the first day of theirs in it: who was seen before, but on a day of the range, is none.
 * Of days that retention has begun to delete that is not known any more: users are those from the first whole day on.
 * Nor is it of those who tapped a key: there users are those of each day, added up.
 */
const figuresSql = `
  with asked as materialized (
    select f.* from wechat.day_figures f
    where f.day between $1 and $2 and ($3::text is null or f.app_id = $3) and ${isCounted('f.day')}
    union all
    select f.* from unnest($4::date[]) uncounted (day) cross join lateral wechat.figures_of_day(uncounted.day, $3) f
  ),
  bucketed as materialized (
    select day, bucket, sum(n)::int as n from asked cross join lateral unnest(answer_buckets, answer_counts) u (bucket, n) group by 1, 2
  ),
  percentile as (
    select day, ${msOf(0.5)} as p50, ${msOf(0.95)} as p95, ${msOf(0.99)} as p99
    from (
      select day, bucket, sum(n) over (partition by day order by bucket) as up_to, sum(n) over (partition by day) as answers
      from (select * from bucketed union all select null, bucket, sum(n)::int from bucketed group by bucket) summed
    ) ranked
    group by day
  ),
  whole as materialized (
    select greatest($1::date, (
      select max(day) + 1 from (
        select day from wechat.counted_day where not is_whole
        union all select day from wechat.changed_day where deleted) part)) as since
  ),
  total as (
    select coalesce(sum(messages), 0)::int as messages, coalesce(sum(answered), 0)::int as answered,
      coalesce(sum(unanswered), 0)::int as unanswered, coalesce(sum(not_sent), 0)::int as failed,
      coalesce(sum(users - (
        select coalesce(sum(n), 0) from unnest(seen_users[:width_bucket(day - whole.since, seen_days_ago)]) n)
      ) filter (where day >= whole.since), 0)::int as users
    from asked cross join whole
  ),
  by_day as (
    select day::timestamp at time zone 'Asia/Shanghai' as at, sum(users)::int as users, sum(messages)::int as messages,
      sum(sent)::int as sent, sum(not_sent)::int as failed, p50 as "p50Ms", p95 as "p95Ms"
    from asked left join percentile using (day)
    group by day, p50, p95
  )
  select
    (select to_json(total) from total) as totals,
    (select json_build_object('p50', max(p50), 'p95', max(p95), 'p99', max(p99)) from percentile where day is null) as "latencyMs",
    (select coalesce(json_agg(by_day order by at), '[]') from by_day) as series,
    ${listOf('menu_keys', 'one ->> 0 as key', `${sumOf(1)} as taps, ${sumOf(2)} as users`, '2 desc, 1')} as "menuKeys",
    ${listOf('scenes', 'one ->> 0 as scene', `${sumOf(1)} as scans, ${sumOf(2)} as follows, ${sumOf(3)} as users`, `${sumOf(1)} + ${sumOf(2)} desc, 1`)} as scenes,
    ${listOf('failures', '(one ->> 0)::int as code, one ->> 1 as state', `${sumOf(2)} as count`, '3 desc, 1, 2')} as failures,
    ${listOf('events', 'one ->> 0 as event', `${sumOf(1)} as count, ${sumOf(2)} as users`, '2 desc, 1')} as events,
    (select coalesce(json_agg(row), '[]') from (
       select extract(isodow from day)::int as weekday, hour, sum(n)::int as messages
       from asked cross join lateral unnest(hours, hour_messages) u (hour, n)
       group by 1, 2 order by 1, 2) row) as busiest`;
