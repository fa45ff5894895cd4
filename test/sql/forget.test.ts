import { describe, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { forget as forgetUser, tablesWith } from '../support/forget.js';
import { storeYear, tell } from '../support/history.js';
import { createLanes } from '../support/lanes.js';
import { eventMessage, textMessage } from '../support/messages.js';

const appId = 'wxforget';
const openid = 'oAnna';

const forget = (database: TestDatabase) => forgetUser(database, appId, openid);

/** What an analyst reads in each view, but for names and texts: rows, and how many users they are of. */
async function readViews({ rows }: Pick<TestDatabase, 'rows'>) {
  const views = await rows<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'wechat'::regnamespace and relkind = 'v' order by 1`,
  );
  const read: Record<string, { users: number; lines: string[] }> = {};
  for (const { name } of views) {
    const all = await rows<Record<string, unknown>>(`select * from wechat.${name}`);
    const lines = all.map(({ openid, text, asked, last_text, errmsg, event_key, ...rest }) =>
      JSON.stringify({ ...rest, ...(rest.event === 'view' ? {} : { event_key }) }),
    );
    read[name] = { users: new Set(all.map(({ openid }) => openid)).size, lines: lines.sort() };
  }
  return read;
}

async function createDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

/** What Anna and another user did: everything that an analyst counts. */
async function tellAll({ pool }: TestDatabase): Promise<void> {
  const url = 'https://example.com/orders?of=anna';
  await tell(pool, appId, [
    { openid, hoursAgo: 30, event: 'subscribe', eventKey: 'qrscene_7', replies: [{ text: 'Welcome' }] },
    { openid, hoursAgo: 29, text: '我的秘密', replies: [{ text: 'Two' }, { text: 'parts', seconds: 3 }] },
    {
      openid,
      hoursAgo: 28,
      text: 'again',
      replies: [
        {
          text: 'refused',
          status: 'failed',
          errcode: 45002,
          errmsg: `no ${openid}`,
          before: [{ outcome: 'transient', errcode: -1 }],
        },
      ],
    },
    { openid, hoursAgo: 27, event: 'view', eventKey: url },
    {
      openid,
      hoursAgo: 27,
      event: 'click',
      eventKey: 'MENU',
      status: 'failed',
      error: `cannot greet ${openid}`,
    },
    { openid: 'oBen', hoursAgo: 28, text: 'hi', replies: [{ text: 'hello Ben' }] },
    { openid: 'oBen', hoursAgo: 27, event: 'click', eventKey: 'MENU' },
  ]);
  await pool.query(
    `update wechat.inbound_message set window_ends_at = now() + interval '1 day', window_quota = 5,
       dedupe_key = 'event:' || openid || ':' || id, request_id = 'push-' || id`,
  );
}

describe('wechat.forget', () => {
  test('leaves every view of the analysts with the same numbers', async () => {
    const database = await createDatabase();
    await tellAll(database);
    const before = await readViews(database);
    expect(Object.keys(before)).toHaveLength(7);
    expect(await forget(database)).toEqual({ messages: 5, deliveries: 4, given_up: 0, in_hand: 0 });
    expect(await readViews(database)).toEqual(before);

    const keys = await database.rows(
      `select event, event_key from wechat.inbound_message where forgotten_at is not null and event <> '' order by id`,
    );
    expect(keys).toEqual([
      { event: 'subscribe', event_key: 'qrscene_7' },
      { event: 'view', event_key: null },
      { event: 'click', event_key: 'MENU' },
    ]);
    const names = await database.rows<{ openid: string }>(
      `select openid from wechat.inbound_message where forgotten_at is not null
       union select openid from wechat.delivery where openid <> 'oBen'`,
    );
    expect(names).toEqual([{ openid: expect.stringMatching(/^forgotten-[0-9a-f-]{36}$/) }]);
  });

  test('leaves nothing of the person in any table, and all of others as it was', async () => {
    const database = await createDatabase();
    await tellAll(database);
    const others = () =>
      database.rows(
        `select m.*, to_jsonb(d) as delivery from wechat.inbound_message m
         left join wechat.delivery d on d.message_id = m.id where m.openid = 'oBen' order by m.id`,
      );
    const before = await others();
    const ofAnna = [openid, '我的秘密', 'Two', 'Welcome', 'refused', 'of=anna', 'push-1', 'cannot greet'];
    for (const words of ofAnna) expect(await tablesWith(database, words), words).not.toEqual([]);
    await forget(database);
    for (const words of ofAnna) expect(await tablesWith(database, words), words).toEqual([]);
    expect(await others()).toEqual(before);
    expect(
      await database.rows('select action, app_id, details, affected from wechat.operator_action'),
    ).toEqual([
      {
        action: 'forget',
        app_id: appId,
        details: { messages: 5, deliveries: 4, given_up: 0, in_hand: 0 },
        affected: 5,
      },
    ]);
    // There is nobody left of that name.
    expect(await forget(database)).toEqual({ messages: 0, deliveries: 0, given_up: 0, in_hand: 0 });
    expect(await database.rows('select from wechat.operator_action')).toHaveLength(1);
  });

  test('forgets the user of this account only', async () => {
    const database = await createDatabase();
    await tell(database.pool, appId, [{ openid, hoursAgo: 1, text: 'hi' }]);
    await tell(database.pool, 'wxother', [{ openid, hoursAgo: 1, text: 'hi' }]);
    expect(await forget(database)).toMatchObject({ messages: 1 });
    expect(
      await database.rows('select app_id from wechat.inbound_message where openid = $1', [openid]),
    ).toEqual([{ app_id: 'wxother' }]);
  });

  test('forgets nothing while a worker or another operator has a message in hand, so that one user stays one', async () => {
    const database = await createDatabase();
    const { pool } = database;
    await tell(pool, appId, [
      { openid, hoursAgo: 3, text: 'settled', replies: [{ text: 'a' }] },
      { openid, hoursAgo: 2, text: 'in hand', status: 'received' },
      { openid, hoursAgo: 1, text: 'waits', status: 'received' },
    ]);
    const worker = await createLanes(pool, { appId }).worker();
    await worker.take(openid);

    expect(await forget(database)).toEqual({ messages: 0, deliveries: 0, given_up: 1, in_hand: 1 });
    const states = () =>
      database.rows('select openid, content, status from wechat.inbound_message order by id');
    expect(await states()).toEqual([
      { openid, content: 'settled', status: 'settled' },
      { openid, content: 'in hand', status: 'received' },
      { openid, content: 'waits', status: 'settled' },
    ]);
    await pool.query('update wechat.lane set claim = null, worker_id = null, claimed_at = null');

    const other = await pool.connect();
    await other.query('begin');
    await other.query(`select from wechat.inbound_message where content = 'settled' for update`);
    expect(await forget(database)).toMatchObject({ messages: 0, in_hand: 1 });
    await other.query('rollback');
    other.release();
    expect(await forget(database)).toMatchObject({ messages: 3, in_hand: 0 });
    expect(await database.rows('select distinct openid from wechat.inbound_message')).toHaveLength(1);
    expect(await tablesWith(database, openid)).toEqual([]);
  });

  test('takes a user of an account that keeps no order, whose messages have a lane each', async () => {
    const database = await createDatabase();
    const lanes = createLanes(database.pool, { appId, ordered: false });
    await lanes.arrive(textMessage({ openid }), eventMessage('click', { openid, eventKey: 'MENU' }));
    const worker = await lanes.worker();
    const [held] = await worker.claim(openid);
    if (!held) throw new Error('nothing was claimed');
    await lanes.arrive(textMessage({ openid }));
    // Both that were claimed are in hand.
    expect(await forget(database)).toEqual({ messages: 0, deliveries: 0, given_up: 1, in_hand: 2 });
    await database.rows('update wechat.lane set claim = null, worker_id = null, claimed_at = null');
    expect(await forget(database)).toEqual({ messages: 3, deliveries: 0, given_up: 2, in_hand: 0 });
    expect(await tablesWith(database, openid)).toEqual([]);
    expect(await database.rows('select from wechat.lane')).toEqual([]);
  });

  test('leaves nothing to send again and nobody to send to, not even by force', async () => {
    const database = await createDatabase();
    await tellAll(database);
    await forget(database);
    const [failed] = await database.rows<{ id: string; message_id: string; openid: string }>(
      `select id, message_id, openid from wechat.delivery where status = 'failed'`,
    );
    const requeue = 'select result from wechat.requeue_many(array[$1::bigint], true)';
    expect(await database.rows(requeue, [failed?.id])).toEqual([{ result: 'forgotten' }]);
    const verdict = 'select verdict from wechat.requeue_verdict(array[$1::bigint])';
    expect(await database.rows(verdict, [failed?.id])).toEqual([{ verdict: 'forgotten' }]);
    const requeueMessages = `select result from wechat.requeue_messages(array(
      select id from wechat.inbound_message where status = 'failed'), true)`;
    expect(await database.rows(requeueMessages)).toEqual([{ result: 'forgotten' }]);
    const send = 'select result from wechat.send($1, $2, $3, true)';
    const hello = JSON.stringify({ msgtype: 'text', text: { content: 'hi' } });
    expect(await database.rows(send, [appId, failed?.openid, hello])).toEqual([{ result: 'no_message' }]);
    expect(await database.rows('select from wechat.inbound_message where settled_at is null')).toEqual([]);
  });

  test('takes a user with thousands of messages', async () => {
    const database = await createDatabase();
    await storeYear(database.pool, appId, 20_000);
    await database.pool.query(`update wechat.inbound_message set openid = '${openid}'`);
    await database.pool.query(`update wechat.delivery set openid = '${openid}'`);
    expect(await forget(database)).toMatchObject({ messages: 20_000, deliveries: 20_000 });
    expect(await tablesWith(database, openid)).toEqual([]);
  });

  test('is for operators alone', async () => {
    const database = await createDatabase();
    await tellAll(database);
    const client = await database.pool.connect();
    const call = `select messages from wechat.forget('${appId}', '${openid}')`;
    try {
      await client.query('set role wechat_analyst');
      await expect(client.query(call)).rejects.toThrow('permission denied');
      await client.query(`reset role; set role wechat_operator; set wechat.operator = 'ben@shop'`);
      expect((await client.query(call)).rows).toEqual([{ messages: 5 }]);
      expect((await client.query('select actor from wechat.operator_action')).rows).toEqual([
        { actor: 'ben@shop' },
      ]);
    } finally {
      // Its rights go with it.
      client.release(true);
    }
  });
});
