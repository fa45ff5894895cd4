import type { PoolClient } from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { tell } from '../support/history.js';

const appId = 'wxanalysts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
  return () => database.drop();
});

/** A session with the rights of the role and no others. */
async function as<T>(role: string, use: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await database.pool.connect();
  try {
    await client.query(`set role ${role}`);
    return await use(client);
  } finally {
    // Its rights go with it.
    client.release(true);
  }
}

test('an analyst reads the history and every view, but no token, and changes nothing', async () => {
  await tell(database.pool, appId, [
    { openid: 'oAnna', hoursAgo: 1, text: '你好', replies: [{ text: '好' }] },
  ]);
  await database.pool.query(
    `insert into wechat.credential (app_id, kind, value, expires_at) values ($1, 'access_token', 'secret', now())`,
    [appId],
  );
  const readable = await database.rows<{ name: string }>(
    `select 'wechat.' || c.relname as name from pg_class c
     where c.relnamespace = 'wechat'::regnamespace and c.relkind = 'v' order by 1`,
  );
  expect(readable).toHaveLength(7);
  await as('wechat_analyst', async (analyst) => {
    for (const { name } of readable) await analyst.query(`select * from ${name}`);
    expect(
      (await analyst.query('select direction, text from wechat.message_history order by at')).rows,
    ).toEqual([
      { direction: 'in', text: '你好' },
      { direction: 'out', text: '好' },
    ]);
    await analyst.query('select * from wechat.inbound_message, wechat.delivery, wechat.delivery_attempt');
    await analyst.query(`select * from wechat.conversation('${appId}', 'oAnna')`);
    await analyst.query(`select * from wechat.search_messages('好')`);
    await analyst.query('select app_id, expires_at, version from wechat.credential');
    for (const forbidden of [
      'select value from wechat.credential',
      'select * from wechat.credential',
      'select credential from wechat.credential',
      `update wechat.inbound_message set content = ''`,
      'delete from wechat.delivery',
      `insert into wechat.delivery_attempt values (1, 9, now(), now(), 'sent')`,
      'truncate wechat.operator_action',
      `delete from wechat.message_history`,
      `select wechat.requeue_many('{1}')`,
      `select wechat.requeue(1)`,
      `select wechat.cancel_many('{1}')`,
      `select wechat.send('a', 'b', '{}')`,
      `select wechat.pause('a')`,
      `select wechat.resume('a')`,
      'select wechat.enable_fast_search()',
      'select * from graphile_worker.jobs',
      'create table wechat.mine (id int)',
    ]) {
      await expect(analyst.query(forbidden), forbidden).rejects.toThrow(
        /permission denied|cannot (delete|update) from view/,
      );
    }
  });
});

describe('message_history', () => {
  test('tells how long a user waited, and what became of every message', async () => {
    await tell(database.pool, appId, [
      { openid: 'oAnna', hoursAgo: 5, text: 'slow', replies: [{ text: 'one' }, { text: 'two', seconds: 4 }] },
      {
        openid: 'oAnna',
        hoursAgo: 4,
        event: 'click',
        eventKey: 'MENU',
        replies: [{ text: 'no', status: 'failed', errcode: 45002 }],
      },
      { openid: 'oAnna', hoursAgo: 3, text: 'wait', status: 'received' },
    ]);
    const rows = await database.rows(
      `select direction, type, event, event_key, text, state, extract(epoch from latency)::float8 as seconds
       from wechat.message_history order by message_id, delivery_id nulls first`,
    );
    const plain = { type: 'text', event: null, event_key: null };
    expect(rows).toEqual([
      { direction: 'in', ...plain, text: 'slow', state: 'settled', seconds: 1 },
      { direction: 'out', ...plain, text: 'one', state: 'sent', seconds: 1 },
      { direction: 'out', ...plain, text: 'two', state: 'sent', seconds: 4 },
      {
        direction: 'in',
        type: 'event',
        event: 'click',
        event_key: 'MENU',
        text: null,
        state: 'settled',
        seconds: 1,
      },
      { direction: 'out', ...plain, text: 'no', state: 'failed', seconds: null },
      { direction: 'in', ...plain, text: 'wait', state: 'received', seconds: null },
    ]);
    expect(
      await database.rows(`select direction, text from wechat.conversation($1, 'oAnna', 2)`, [appId]),
    ).toEqual([
      { direction: 'in', text: null },
      { direction: 'out', text: 'no' },
      { direction: 'in', text: 'wait' },
    ]);
  });

  test('shows what can be read of a message, whatever its type', async () => {
    const read = (payload: object) =>
      database
        .rows<{ text: string }>('select wechat.payload_text($1) as text', [JSON.stringify(payload)])
        .then(([row]) => row?.text);
    expect(
      await read({
        msgtype: 'news',
        news: { articles: [{ title: '标题', description: '说明', url: 'https://x', picurl: '' }] },
      }),
    ).toBe('标题 · 说明');
    expect(
      await read({
        msgtype: 'msgmenu',
        msgmenu: {
          head_content: '满意吗？',
          list: [
            { id: '1', content: '满意' },
            { id: '2', content: '不满意' },
          ],
          tail_content: '谢谢',
        },
      }),
    ).toMatch(/满意吗？.*满意.*不满意|满意.*不满意.*满意吗？/);
    expect(await read({ msgtype: 'image', image: { media_id: 'MEDIA' } })).toBe('[image]');
  });
});

describe('search_messages', () => {
  const found = async (query: string, more = '') => {
    const rows = await database.rows<{ text: string }>(
      `select text from wechat.search_messages($1 ${more}) order by at`,
      [query],
    );
    return rows.map(({ text }) => text);
  };

  beforeEach(() =>
    tell(database.pool, appId, [
      { openid: 'oOld', hoursAgo: 24 * 60, text: '很久以前的退款' },
      { openid: 'oAnna', hoursAgo: 4, text: '我要退款，怎么办？', replies: [{ text: '退款三天内到账' }] },
      { openid: 'oBen', hoursAgo: 3, text: '打折100%吗', replies: [{ text: 'Sale_now' }] },
    ]),
  );

  test('finds parts of words in both directions, in any case, and all of several words', async () => {
    expect(await found('退款')).toEqual(['我要退款，怎么办？', '退款三天内到账']);
    expect(await found('怎么办 退款')).toEqual(['我要退款，怎么办？']);
    expect(await found('退款 打折')).toEqual([]);
    expect(await found('sALE')).toEqual(['Sale_now']);
    expect(await found('退款', `, now() - interval '1 year'`)).toHaveLength(3);
    expect(await found('退款', `, of_app_id => 'wxother'`)).toEqual([]);
    expect(await found('退款', ', max => 1')).toEqual(['退款三天内到账']);
  });

  test('takes every character as it stands', async () => {
    expect(await found('100%')).toEqual(['打折100%吗']);
    expect(await found('10_%')).toEqual([]);
    expect(await found('e_n')).toEqual(['Sale_now']);
    expect(await found(`'; drop table wechat.delivery; --`)).toEqual([]);
    expect(await found('%s%I\\')).toEqual([]);
    await expect(found('   ')).rejects.toThrow('say what to search for');
  });

  test('finds the same by an index of trigrams, once that was asked for', async () => {
    const [said] = await database.rows<{ said: string }>('select wechat.enable_fast_search() as said');
    // Else the server of the tests lacks what it takes, and says so.
    expect(said?.said).toMatch(/^ready|pg_trgm is not installed|takes no Chinese character/);
    if (!said?.said.startsWith('ready')) return;
    await database.pool.query(
      `insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, content, created_at, payload, status, settled_at)
       select $1, 'x' || n, 'o' || n, 'text', md5(n::text), now(), '{}', 'settled', now() from generate_series(1, 20000) n`,
      [appId],
    );
    await database.pool.query('analyze wechat.inbound_message');
    expect(await found('怎么办 退款')).toEqual(['我要退款，怎么办？']);
    expect(await found('退款')).toEqual(['我要退款，怎么办？', '退款三天内到账']);
    const plan = await database.rows<{ 'QUERY PLAN': string }>(
      `explain select from wechat.inbound_message where content ilike '%怎么办%'`,
    );
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('inbound_message_text');
    // Again is no error.
    await database.pool.query('select wechat.enable_fast_search()');
  });
});
