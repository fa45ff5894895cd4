import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { storeYear, tell } from '../support/history.js';

interface Recipe {
  number: number;
  title: string;
  sql: string;
}

const cookbook = readFileSync(fileURLToPath(new URL('../../docs/cookbook.md', import.meta.url)), 'utf8');

const recipes: readonly Recipe[] = [
  ...cookbook.matchAll(/^## (\d+)\. (.+)\n\n```sql\n([\s\S]+?)\n```$/gm),
].map(([, number, title = '', sql = '']) => ({ number: Number(number), title, sql }));

/** One session for all: the time zone is its own, and counters of scans are told when it says so. */
async function openSession(database: TestDatabase) {
  const client = await database.pool.connect();
  await client.query(`set timezone = 'Asia/Shanghai'`);
  return {
    async rows(sql: string) {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    },
    close: () => client.release(),
  };
}

type Session = Awaited<ReturnType<typeof openSession>>;

/** Only these columns, of rows whose order is not the question's. */
function some(rows: readonly Record<string, unknown>[], ...columns: string[]): unknown[] {
  return rows
    .map((row) => columns.map((column) => row[column]))
    .sort((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)));
}

const in7 = { anna: 'oCookbookAnna', ben: 'oCookbookBen', carl: 'oCookbookCarl', dora: 'oCookbookDora' };
const eva = 'oCookbookEva';

test('the cookbook has twenty questions', () => {
  expect(recipes.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

describe('the answers of the cookbook, for a history that is known', () => {
  let session: Session;
  let answers: Record<string, unknown>[][];

  beforeAll(async () => {
    const database = await createTestDatabase();
    const { anna, ben, carl, dora } = in7;
    // Times from the hour in which the test runs, so that what belongs to one hour stays in one.
    await tell(database.pool, 'wxcookbook', [
      { openid: ben, hoursAgo: 40 * 24, text: '价格', replies: [{ text: '旧' }] },
      { openid: dora, hoursAgo: 100, event: 'subscribe', replies: [{ text: '欢迎' }] },
      { openid: dora, hoursAgo: 99, type: 'image' },
      { openid: anna, hoursAgo: 80, event: 'click', eventKey: 'MENU_PRICE', replies: [{ text: '价目表' }] },
      {
        openid: carl,
        hoursAgo: 75,
        event: 'subscribe',
        eventKey: 'qrscene_shop',
        replies: [{ text: '欢迎' }],
      },
      { openid: carl, hoursAgo: 74, event: 'click', eventKey: 'MENU_PRICE', replies: [{ text: '价目表' }] },
      { openid: carl, hoursAgo: 73, event: 'unsubscribe' },
      {
        openid: ben,
        hoursAgo: 50,
        text: '价格',
        replies: [{ text: '十元', seconds: 2, before: [{ outcome: 'unknown' }] }],
      },
      {
        openid: ben,
        hoursAgo: 3,
        text: '价格',
        replies: [{ text: '十元', status: 'failed', errcode: 45002, errmsg: 'content size out of limit' }],
      },
      { openid: anna, hoursAgo: 2, minutes: 10, text: '我要退款', replies: [{ text: '好的，请稍等' }] },
      {
        openid: anna,
        hoursAgo: 2,
        minutes: 20,
        text: '怎么退款？',
        replies: [{ text: '退款已办理', seconds: 8, before: [{ outcome: 'transient', errcode: -1 }] }],
      },
      { openid: dora, hoursAgo: 1, minutes: 30, text: '有人吗', status: 'failed', error: 'Error: boom' },
      { openid: eva, hoursAgo: 1, minutes: 40, text: '在吗', status: 'received' },
    ]);
    session = await openSession(database);
    answers = [];
    for (const { sql } of recipes) answers.push(await session.rows(sql));
    return async () => {
      session.close();
      await database.drop();
    };
  });

  const answer = (number: number) => answers[number - 1] ?? [];

  test('1 to 3: who wrote, what kinds, what they ask', () => {
    expect(answer(1)).toEqual([{ users: '4', messages: '5' }]);
    expect(answer(2)).toEqual([
      { msg_type: 'text', messages: '6', percent: '50.0' },
      { msg_type: 'event', messages: '5', percent: '41.7' },
      { msg_type: 'image', messages: '1', percent: '8.3' },
    ]);
    expect(answer(3)[0]).toEqual({ question: '价格', times: '2', users: '1' });
    expect(some(answer(3), 'question', 'times')).toHaveLength(5);
  });

  test('4 to 7: menus, followers, channels', async () => {
    expect(answer(4)).toEqual([{ event_key: 'MENU_PRICE', clicks: '2', user_days: '2' }]);
    // Of three moments: which days they fall on depends on when the test runs.
    const moments = await session.rows(
      `select (date_trunc('hour', now()) - hours * interval '1 hour')::date as day, sum(came)::text as came,
         sum(1 - came)::text as went
       from (values (100, 1), (75, 1), (73, 0)) as moment (hours, came) group by 1 order by 1`,
    );
    expect(answer(5)).toEqual(moments);
    expect(answer(6)).toMatchObject([{ openid: in7.carl, stayed: { hours: 2 } }]);
    expect(answer(7)).toEqual([
      { scene: '', followers: '1' },
      { scene: 'qrscene_shop', followers: '1' },
    ]);
  });

  test('8 to 10: how long users wait, and who waits for ever', () => {
    expect(answer(8)).toMatchObject([{ answered: '2', p50: '4.5', p95: '7.7' }]);
    expect(answer(9)).toEqual([{ percent: '85.7' }]);
    expect(answer(10)).toMatchObject([
      { openid: in7.ben, content: '价格', status: 'settled', error: null },
      { openid: in7.dora, content: '有人吗', status: 'failed', error: 'Error: boom' },
      { openid: eva, content: '在吗', status: 'received', error: null },
    ]);
  });

  test('11 to 15: failures and attempts', () => {
    expect(answer(11)).toEqual([
      { state: 'failed', errcode: 45002, deliveries: '1', users: '1', example: 'content size out of limit' },
    ]);
    expect(answer(12)).toEqual([{ asked: '价格', errcode: 45002, times: '1' }]);
    expect(answer(13)).toEqual([
      { attempts: 1, deliveries: '5' },
      { attempts: 2, deliveries: '2' },
    ]);
    expect(some(answer(14), 'outcome', 'errcode', 'attempts')).toEqual([
      ['permanent', 45002, '1'],
      ['transient', -1, '1'],
      ['unknown', null, '1'],
    ]);
    expect(answer(15)).toMatchObject([{ openid: in7.ben, attempts: 2 }]);
  });

  test('16 to 20: busy times, busy users, conversations, searches', () => {
    expect(answer(16).map(({ messages }) => messages)).toEqual(['2', '2', '1']);
    expect(answer(17)).toEqual([
      { openid: in7.anna, messages: '2', events: '1' },
      { openid: in7.ben, messages: '2', events: '0' },
      { openid: in7.dora, messages: '2', events: '1' },
    ]);
    expect(answer(18).map(({ direction, text, state }) => [direction, text, state])).toEqual([
      ['in', 'click', 'settled'],
      ['out', '价目表', 'sent'],
      ['in', '我要退款', 'settled'],
      ['out', '好的，请稍等', 'sent'],
      ['in', '怎么退款？', 'settled'],
      ['out', '退款已办理', 'sent'],
    ]);
    expect(answer(19).map(({ direction, text }) => [direction, text])).toEqual([
      ['in', '我要退款'],
      ['in', '怎么退款？'],
      ['out', '退款已办理'],
    ]);
    expect(answer(20)).toEqual([
      { openid: eva, messages_in: '1', messages_out: '0', not_sent: '0', unsettled: '1', last_text: '在吗' },
      {
        openid: in7.ben,
        messages_in: '1',
        messages_out: '0',
        not_sent: '1',
        unsettled: '0',
        last_text: '价格',
      },
      {
        openid: in7.anna,
        messages_in: '2',
        messages_out: '2',
        not_sent: '0',
        unsettled: '0',
        last_text: '怎么退款？',
      },
      {
        openid: in7.dora,
        messages_in: '1',
        messages_out: '0',
        not_sent: '0',
        unsettled: '0',
        last_text: '有人吗',
      },
    ]);
  });
});

/** Those that functions hide are counted too: it is the tables that are asked how they were read. */
const scansSql = `
  select coalesce(sum(seq_scan), 0)::int as scans from pg_stat_user_tables
  where schemaname = 'wechat' and relname in ('inbound_message', 'delivery', 'delivery_attempt')`;

test('no question of the cookbook reads a large table from end to end', { timeout: 60_000 }, async () => {
  const database = await createTestDatabase();
  await storeYear(database.pool, 'wxcookbook', 60_000);
  const session = await openSession(database);
  const scans = async () => {
    await session.rows('select pg_stat_force_next_flush()');
    await session.rows('select pg_stat_clear_snapshot()');
    return Number((await session.rows(scansSql))[0]?.scans);
  };
  const reading: string[] = [];
  for (const { number, title, sql } of recipes) {
    const before = await scans();
    await session.rows(sql);
    if ((await scans()) > before) reading.push(`${number}. ${title}`);
  }
  expect(reading).toEqual([]);
  const before = await scans();
  await session.rows('select count(*) from wechat.delivery where attempts = 7');
  expect(await scans()).toBeGreaterThan(before);
  session.close();
  await database.drop();
});
