import { expect, onTestFinished, test } from 'vitest';
import type { Analytics } from '../../../src/console/contract/overview.js';
import { createOverviewRoutes } from '../../../src/console/server/overview/routes.js';
import { classifyDatabaseError } from '../../../src/db/errors.js';
import { createPool } from '../../../src/db/pool.js';
import { deleteOld } from '../../../src/outbox/retention.js';
import { countNextDay } from '../../../src/worker/count-days.js';
import { anybody, mountForTest, silent } from '../../support/area.js';
import { createTestDatabase } from '../../support/database.js';

const dayMs = 86_400_000;

/** Days of two accounts: users who come and go, keys and scenes that several use, answers that come on the next day, or never. */
async function storeDays(query: (text: string, values: unknown[]) => Promise<unknown>, seed: number) {
  await query(
    `with drawn as (
       select n, (hashint8extended(n, $1) & 1023)::int as a, (hashint8extended(n, $1 + 1) & 1023)::int as b,
         now() - interval '9 days' + n * interval '9 days' / 900 as at
       from generate_series(1, 899) n
     ),
     message as (
       insert into wechat.inbound_message
         (app_id, dedupe_key, openid, msg_type, event, event_key, content, created_at, received_at, payload, status, settled_at, merged_into)
       select case when b % 3 = 0 then 'wxtwo' else 'wxone' end, 'days:' || n, 'o' || b % 3 || '-' || a % 60,
         case when a % 4 = 0 then 'event' else 'text' end,
         case when a % 4 = 0 then (array['click', 'view', 'scan', 'subscribe', 'unsubscribe'])[1 + b % 5] end,
         case when a % 4 = 0 then case b % 5 when 3 then 'qrscene_' else '' end || 'KEY' || a % 7 end, 'x', at, at, '{}', 'settled', at,
         case when a % 50 = 1 then 100000 + n end
       from drawn order by n
       returning id, app_id, openid, received_at
     )
     insert into wechat.delivery
       (message_id, position, app_id, openid, msg_type, payload, status, attempts, errcode, created_at, sent_at)
     select id, 1, app_id, openid, 'text', '{"msgtype":"text"}', state, 1, case state when 'failed' then 45002 when 'expired' then 45015 end, planned,
       case when state = 'sent' then planned + (hashint8extended(id, $1 + 2) & 65535) * interval '10 ms' end
     from message cross join lateral (
       select (array['sent', 'sent', 'sent', 'failed', 'expired', 'unknown', 'cancelled', 'sent'])[1 + (hashint8extended(id, $1 + 3) & 7)] as state,
         received_at + (hashint8extended(id, $1 + 4) & 7) * interval '20 minutes' as planned) one
     where id % 5 > 0`,
    [seed],
  );
}

async function twoAccounts(seed: number) {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  await storeDays((text, values) => pool.query(text, values), seed);
  const api = await mountForTest(
    createOverviewRoutes({
      ...{ pool, requires: anybody, log: silent, stopping: new AbortController().signal, accounts: [] },
      clientOf: () => ({ fetchQuota: async () => ({ kind: 'transient', errmsg: '' }) }),
      tokens: { get: async () => '', replace: async () => '' },
      checkAccount: async () => [],
    }),
  );
  const analytics = async (days: number, account?: string) => {
    const since = new Date(Date.now() - days * dayMs).toISOString();
    const { status, body } = await api.get(
      `/analytics?since=${since}${account ? `&account=${account}` : ''}`,
    );
    expect(status).toBe(200);
    return body as Analytics;
  };
  const countAll = async () => {
    const counted: string[] = [];
    for (let day = await countNextDay(pool); day !== undefined; day = await countNextDay(pool))
      counted.push(day);
    return counted;
  };
  return { ...database, analytics, countAll };
}

type Days = Awaited<ReturnType<typeof twoAccounts>>;

/** The same from the messages, by the analysts' views where there is one. */
async function fromHistory({ rows }: Days, { since, until }: Analytics, account: string | null) {
  const values = [since, until, account];
  const ofAccount = '($3::text is null or app_id = $3)';
  const [inbound] = await rows<Record<string, number>>(
    `select (count(distinct (app_id, openid)) filter (where received_at >= coalesce(
         ((select max(day) + 1 from wechat.counted_day where not is_whole)::timestamp at time zone 'Asia/Shanghai'), $1)))::int as users, count(*)::int as messages,
       count(answer.at)::int as answered, count(*) filter (where answer.at is null and msg_type <> 'event' and merged_into is null)::int as unanswered,
       percentile_disc(0.5) within group (order by extract(epoch from answer.at - received_at)::float8 * 1000) as p50,
       percentile_disc(0.95) within group (order by extract(epoch from answer.at - received_at)::float8 * 1000) as p95
     from wechat.inbound_message m
     cross join lateral (select min(sent_at) as at from wechat.delivery d where d.message_id = m.id) answer
     where received_at >= $1 and received_at < $2 and ${ofAccount}`,
    values,
  );
  const outbound = await rows<{ sent: number; failed: number }>(
    `select coalesce(sum(sent), 0)::int as sent, coalesce(sum(failed + expired + unknown), 0)::int as failed
     from wechat.delivery_hourly_between($1, $2) where ${ofAccount}`,
    values,
  );
  const events = await rows(
    `select event, sum(count)::int as count, sum(users)::int as users from (
       select event, count(*) as count, count(distinct (app_id, openid)) as users from wechat.inbound_message
       where msg_type = 'event' and received_at >= $1 and received_at < $2 and ${ofAccount}
       group by event, (received_at at time zone 'Asia/Shanghai')::date) one
     group by 1 order by 2 desc, 1`,
    values,
  );
  const menuKeys = await rows(
    `select event_key as key, sum(events)::int as taps from wechat.event_daily_between($1, $2)
     where event in ('click', 'view') and event_key <> '' and ${ofAccount} group by 1 order by 2 desc, 1`,
    values,
  );
  const failures = await rows(
    `select errcode as code, state, count(*)::int as count from wechat.delivery_failures
     where at >= $1 and at < $2 and ${ofAccount} group by 1, 2 order by 3 desc, 1, 2`,
    values,
  );
  return { inbound, outbound: outbound[0], events, menuKeys, failures };
}

async function expectEqual(days: Days, range: number, account?: string): Promise<void> {
  const told = await days.analytics(range, account);
  expect(told.unit).toBe('day');
  const { inbound, outbound, events, menuKeys, failures } = await fromHistory(days, told, account ?? null);
  const { p50 = 0, p95 = 0, ...totals } = inbound ?? {};
  expect(told.totals).toEqual({ ...totals, failed: outbound?.failed });
  expect(told.series.reduce((sum, { sent }) => sum + sent, 0)).toBe(outbound?.sent);
  for (const column of ['messages', 'failed'] as const)
    expect(told.series.reduce((sum, point) => sum + point[column], 0)).toBe(told.totals[column]);
  expect(told.busiest.reduce((sum, { messages }) => sum + messages, 0)).toBe(totals.messages);
  expect(Math.abs((told.latencyMs.p50 ?? 0) / p50 - 1)).toBeLessThan(0.011);
  expect(Math.abs((told.latencyMs.p95 ?? 0) / p95 - 1)).toBeLessThan(0.011);
  expect(told.events).toEqual(events);
  expect(told.menuKeys.map(({ key, taps }) => ({ key, taps }))).toEqual(menuKeys);
  expect(told.failures.map(({ meaning: _meaning, ...row }) => row)).toEqual(failures);
}

async function expectAllEqual(days: Days): Promise<void> {
  for (const range of [4, 20])
    for (const account of [undefined, 'wxtwo']) await expectEqual(days, range, account);
}

test.each([1, 2, 3])('figures of days are those of the history, counted or not (%i)', async (seed) => {
  const days = await twoAccounts(seed);
  await expectAllEqual(days);
  const before = await days.analytics(20);
  const counted = await days.countAll();
  expect(counted.length).toBeGreaterThanOrEqual(8);
  expect(counted).toEqual([...counted].sort().reverse());
  expect(await days.analytics(20)).toEqual(before);
  await expectAllEqual(days);
});

test('what changes in a day that was counted is seen at once, and counted again', async () => {
  const days = await twoAccounts(4);
  await days.countAll();
  const failed = `select id, message_id from wechat.delivery where status = 'failed' and created_at < now() - interval '3 days' order by id limit 1`;
  const [delivery] = await days.rows<{ id: string; message_id: string }>(failed);
  expect(await days.rows(`select wechat.requeue($1, true)`, [delivery?.id])).toHaveLength(1);
  expect(await days.rows('select from wechat.changed_day')).not.toHaveLength(0);
  await expectAllEqual(days);
  await days.countAll();
  await days.rows(
    `update wechat.delivery set status = 'sent', sent_at = now(), errcode = 0, next_attempt_at = null where id = $1`,
    [delivery?.id],
  );
  await days.rows(`update wechat.inbound_message set status = 'settled', settled_at = now() where id = $1`, [
    delivery?.message_id,
  ]);
  await expectAllEqual(days);
  expect((await days.countAll()).length).toBeGreaterThan(0);
  expect(await days.rows('select from wechat.changed_day')).toEqual([]);
  await expectAllEqual(days);
});

test('what changes while a day is counted is not lost', async () => {
  const days = await twoAccounts(5);
  await days.countAll();
  const client = await days.pool.connect();
  onTestFinished(() => client.release(true));
  await client.query('begin');
  const { rows } = await client.query<{ day: string }>(
    `update wechat.delivery set status = 'cancelled' where id = (
       select id from wechat.delivery where status = 'failed' and created_at < now() - interval '3 days' order by id limit 1)
     returning wechat.china_day(created_at)::text as day`,
  );
  await days.rows('insert into wechat.changed_day (day) values ($1)', [rows[0]?.day]);
  expect(await countNextDay(days.pool)).toBe(rows[0]?.day);
  await client.query('commit');
  await expectAllEqual(days);
});

test('who is forgotten is still counted, and no key of theirs is left in a count', async () => {
  const days = await twoAccounts(6);
  await days.rows(`update wechat.inbound_message set event_key = 'https://x/?of=secret' where id = (
    select id from wechat.inbound_message where event = 'view' and received_at < now() - interval '4 days' order by id limit 1)`);
  await days.countAll();
  const holding = `select from wechat.day_figures where menu_keys::text like '%secret%'`;
  expect(await days.rows(holding)).toHaveLength(1);
  const [user] = await days.rows<{ app_id: string; openid: string }>(
    `select app_id, openid from wechat.inbound_message where event_key like '%secret'`,
  );
  await days.rows('select * from wechat.forget($1, $2)', [user?.app_id, user?.openid]);
  expect(await days.rows(holding)).toEqual([]);
  await expectAllEqual(days);
  await days.countAll();
  await expectAllEqual(days);
});

test('what retention deletes is counted no more', async () => {
  const days = await twoAccounts(7);
  await days.countAll();
  const { deleted } = await deleteOld(days.pool, { afterId: '0', limit: 400, days: 5 });
  expect(deleted).toBeGreaterThan(300);
  const before = await days.analytics(20);
  await days.countAll();
  expect(await days.analytics(20)).toEqual(before);
  await expectAllEqual(days);
});

test('what happens today notes nothing', async () => {
  const days = await twoAccounts(8);
  await days.rows(
    `update wechat.delivery set status = 'cancelled', sent_at = null where created_at >= now() - interval '1 minute'`,
  );
  await days.rows(`insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload)
    select id, 9, app_id, openid, 'text', '{}' from wechat.inbound_message order by id desc limit 1`);
  await days.rows(`update wechat.delivery set status = 'sent', sent_at = now() where position = 9`);
  expect(await days.rows('select from wechat.changed_day')).toEqual([]);
});

test('a day that takes longer than a statement may keeps no other from being counted, and is tried again later', async () => {
  const days = await twoAccounts(9);
  const pool = createPool({
    ...{ connectionString: days.url, name: 'test', max: 1, statementTimeoutMs: 1_500 },
    onError: () => undefined,
  });
  onTestFinished(() => pool.end());
  const [latest] = await days.rows<{ day: string; before: string }>(
    `select day::text, (day - 1)::text as before from wechat.day_to_count() day`,
  );
  await days.rows(
    `create function large() returns trigger language plpgsql as 'begin perform pg_sleep(60); return new; end'`,
  );
  await days.rows(`create trigger large before insert on wechat.counted_day
    for each row when (new.day = '${latest?.day}') execute function large()`);
  const tooLarge = new Map<string, number>();
  const hour = 3_600_000;
  const next = (now: number) =>
    countNextDay(pool, { tooLarge, now }).catch((error: unknown) => classifyDatabaseError(error));
  expect(await next(0)).toBe('slow');
  expect(await next(hour)).toBe(latest?.before);
  expect(await days.rows('select day::text from wechat.counted_day')).toEqual([{ day: latest?.before }]);
  await days.rows('drop function large cascade');
  expect(await next(12 * hour)).toBe(latest?.day);
  expect(tooLarge.size).toBe(0);
});
