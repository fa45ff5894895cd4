import type { Pool } from '../../../db/pool.js';
import { inTransaction } from '../../../db/transaction.js';
import type { Language } from '../../../lib/language.js';
import { errorReason } from '../../../wechat/out/errors.js';
import type { Analytics } from '../../contract/overview.js';
import type { Statements } from '../http/transaction.js';
import { type Ask, type DayFigures, type DayRange, readDays } from './analytics-days.js';

export interface Range {
  since: Date;
  until: Date;
  account: string | undefined;
}

/** For all of it together, less than the pool waits for a statement: a console must not hurt the database, and says why it gave up. */
const limitMs = 4_500;

/** Of 27,000 messages a day that takes a quarter of a second, on two slow cores; three days took one. */
const hourlyUpToMs = 86_400_000;

/** More rows of a table say nothing more. */
const mostRows = 200;

/** One connection, one snapshot, and one limit for all questions. */
export async function readAnalytics(pool: Pool, range: Range, language: Language): Promise<Analytics> {
  return inTransaction(pool, 'begin isolation level repeatable read, read only', async (client) => {
    const ask = limitedTo(client, limitMs);
    const isLong = range.until.getTime() - range.since.getTime() > hourlyUpToMs;
    const whole = isLong ? wholeDaysOf(range) : range;
    const { failures, ...figures } = isLong
      ? await readDays(ask, daysOf(whole))
      : await readHours(ask, range);
    return {
      since: whole.since.toISOString(),
      until: whole.until.toISOString(),
      unit: isLong ? 'day' : 'hour',
      ...figures,
      series: figures.series.map((point) => ({ ...point, at: new Date(point.at).toISOString() })),
      failures: failures.map(({ code, ...row }) => ({
        ...row,
        code,
        meaning: (code === null ? undefined : errorReason(code, language)) ?? '',
      })),
    };
  });
}

const dayMs = 86_400_000;
/** China has had no other time since 1991. */
const chinaOffsetMs = 8 * 3_600_000;

/** All days of China that the range touches. */
function wholeDaysOf({ since, until, account }: Range): Range {
  const dayOf = (ms: number) => Math.floor((ms + chinaOffsetMs) / dayMs) * dayMs - chinaOffsetMs;
  const end = dayOf(until.getTime() - 1) + dayMs;
  return { since: new Date(dayOf(since.getTime())), until: new Date(end), account };
}

function daysOf({ since, until, account }: Range): DayRange {
  const nameOf = (ms: number) => new Date(ms + chinaOffsetMs).toISOString().slice(0, 10);
  return { first: nameOf(since.getTime()), last: nameOf(until.getTime() - 1), account };
}

/** From the messages themselves, to the moment. */
async function readHours(ask: Ask, range: Range): Promise<DayFigures> {
  const inbound = await ask<InboundRow>(inboundSql, bounds(range));
  const outbound = await ask<OutboundRow>(outboundSql, bounds(range));
  const [events] = await ask<EventTables>(eventsSql, bounds(range));
  const failures = await ask<FailureRow>(failuresSql, bounds(range));
  const busiest = await ask<Analytics['busiest'][number]>(busiestSql, bounds(range));
  const total = inbound.find(({ at }) => at === null);
  const [p50 = null, p95 = null, p99 = null] = total?.latencies ?? [];
  return {
    totals: {
      users: total?.users ?? 0,
      messages: total?.messages ?? 0,
      answered: total?.answered ?? 0,
      unanswered: total?.unanswered ?? 0,
      failed: outbound.reduce((sum, { failed }) => sum + failed, 0),
    },
    latencyMs: { p50, p95, p99 },
    series: toSeries(inbound, outbound),
    menuKeys: events?.menuKeys ?? [],
    scenes: events?.scenes ?? [],
    failures,
    busiest,
    events: events?.events ?? [],
  };
}

const bounds = ({ since, until, account }: Range) => [since, until, account ?? null];

/** Each question has what the ones before it left. Postgres ends one that takes longer (57014). */
function limitedTo(client: Statements, totalMs: number): Ask {
  const endsAt = performance.now() + totalMs;
  return async <Row extends object>(text: string, values: unknown[]): Promise<Row[]> => {
    const leftMs = Math.max(1, Math.floor(endsAt - performance.now()));
    await client.query(`set local statement_timeout = ${leftMs}`);
    return (await client.query<Row>(text, values)).rows;
  };
}

interface InboundRow {
  /** Null in the row of all. */
  at: Date | null;
  users: number;
  messages: number;
  answered: number;
  unanswered: number;
  /** p50, p95 and p99, in one sort; null where nothing was answered. */
  latencies: [number, number, number] | null;
}

/**
 * As wechat.reply_latency_hourly_between, but with one row for all. Answers are asked for message by message: of the last hour Postgres
 * may know nothing yet, and would compare all of its messages with all of its answers.
 */
const inboundSql = `
  select date_trunc('hour', m.received_at) as at, count(distinct m.openid)::int as users, count(*)::int as messages,
    count(answer.sent_at)::int as answered,
    count(*) filter (where answer.sent_at is null and m.msg_type <> 'event' and m.merged_into is null)::int as unanswered,
    percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from answer.sent_at - m.received_at)::float8 * 1000)
      as latencies
  from wechat.inbound_message m
  cross join lateral (
    select min(d.sent_at) as sent_at from wechat.delivery d where d.message_id = m.id and d.status = 'sent'
  ) answer
  where m.received_at >= $1 and m.received_at < $2 and ($3::text is null or m.app_id = $3)
  group by grouping sets ((1), ())
  order by 1`;

interface OutboundRow {
  at: Date;
  sent: number;
  failed: number;
}

const outboundSql = `
  select hour as at, sum(sent)::int as sent, sum(failed + expired + unknown)::int as failed
  from wechat.delivery_hourly_between($1, $2)
  where $3::text is null or app_id = $3
  group by 1 order by 1`;

type EventTables = Pick<Analytics, 'menuKeys' | 'scenes' | 'events'>;

/** The events of the time are read once. Users over all of the time, each once. */
const eventsSql = `
  with told as materialized (
    select event, nullif(event_key, '') as event_key, openid from wechat.inbound_message
    where msg_type = 'event' and received_at >= $1 and received_at < $2 and ($3::text is null or app_id = $3)
  )
  select
    (select coalesce(json_agg(row), '[]') from (
       select event_key as key, count(*)::int as taps, count(distinct openid)::int as users
       from told where event in ('click', 'view', 'view_miniprogram') and event_key is not null
       group by 1 order by 2 desc, 1 limit ${mostRows}) row) as "menuKeys",
    (select coalesce(json_agg(row), '[]') from (
       select regexp_replace(event_key, '^qrscene_', '') as scene, (count(*) filter (where event = 'scan'))::int as scans,
         (count(*) filter (where event = 'subscribe'))::int as follows, count(distinct openid)::int as users
       from told where event in ('scan', 'subscribe') and event_key is not null
       group by 1 order by count(*) desc, 1 limit ${mostRows}) row) as scenes,
    (select coalesce(json_agg(row), '[]') from (
       select coalesce(event, '') as event, count(*)::int as count, count(distinct openid)::int as users
       from told group by 1 order by 2 desc, 1 limit ${mostRows}) row) as events`;

interface FailureRow {
  code: number | null;
  state: string;
  count: number;
}

/** As wechat.delivery_failures, account by account: so their index serves. */
const failuresSql = `
  select errcode as code, status as state, count(*)::int as count
  from wechat.delivery
  where ended_unsent and app_id in (select wechat.accounts() union select $3::text) and ($3::text is null or app_id = $3)
    and created_at >= $1 and created_at < $2
  group by 1, 2 order by 3 desc, 1, 2 limit ${mostRows}`;

const busiestSql = `
  select extract(isodow from received_at at time zone 'Asia/Shanghai')::int as weekday,
    extract(hour from received_at at time zone 'Asia/Shanghai')::int as hour, count(*)::int as messages
  from wechat.inbound_message
  where received_at >= $1 and received_at < $2 and ($3::text is null or app_id = $3)
  group by 1, 2 order by 1, 2`;

function toSeries(inbound: readonly InboundRow[], outbound: readonly OutboundRow[]): Analytics['series'] {
  const blank = { users: 0, messages: 0, sent: 0, failed: 0, p50Ms: null, p95Ms: null };
  const byTime = new Map<number, Analytics['series'][number]>();
  const at = (time: Date) => {
    const point = byTime.get(time.getTime()) ?? { ...blank, at: time.toISOString() };
    byTime.set(time.getTime(), point);
    return point;
  };
  for (const { at: time, users, messages, latencies } of inbound) {
    const [p50Ms = null, p95Ms = null] = latencies ?? [];
    if (time) Object.assign(at(time), { users, messages, p50Ms, p95Ms });
  }
  for (const { at: time, sent, failed } of outbound) Object.assign(at(time), { sent, failed });
  return [...byTime.entries()].sort(([one], [other]) => one - other).map(([, point]) => point);
}
