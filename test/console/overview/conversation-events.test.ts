import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createConversationEvents } from '../../../src/console/server/overview/conversation-events.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { tell } from '../../support/history.js';

const databases: TestDatabase[] = [];
let database: TestDatabase;
let poll: ReturnType<typeof createConversationEvents>;
let nowMs = 0;
beforeEach(async () => {
  database = await createTestDatabase();
  databases.push(database);
  poll = createConversationEvents(database.pool, () => nowMs);
});
afterAll(async () => {
  for (const one of databases) await one.drop();
});

const event = (what: string, openid = 'o1', account = 'wx1') => ({ account, openid, what });

describe('what happens in conversations', () => {
  test('is told of once, from the first look on', async () => {
    await tell(database.pool, 'wx1', [{ openid: 'o1', hoursAgo: 1, text: 'before' }]);
    expect(await poll()).toEqual([]);
    expect(await poll()).toEqual([]);
    await tell(database.pool, 'wx2', [{ openid: 'o2', hoursAgo: 1, text: 'new', replies: [{ text: 'hi' }] }]);
    expect(new Set(await poll())).toEqual(
      new Set([event('message', 'o2', 'wx2'), event('delivery', 'o2', 'wx2')]),
    );
    expect(await poll()).toEqual([]);
  });

  test('while nobody looked for long is not told of', async () => {
    await tell(database.pool, 'wx1', [{ openid: 'o1', hoursAgo: 1, text: 'before' }]);
    await poll();
    await tell(database.pool, 'wx2', [{ openid: 'o2', hoursAgo: 1, text: 'meanwhile' }]);
    nowMs += 61_000;
    expect(await poll()).toEqual([]);
    await tell(database.pool, 'wx3', [{ openid: 'o3', hoursAgo: 1, text: 'new' }]);
    expect(await poll()).toEqual([event('message', 'o3', 'wx3')]);
  });

  test('of a delivery: that it is planned, and each step to its end', async () => {
    await tell(database.pool, 'wx1', [{ openid: 'o1', hoursAgo: 1, text: 'x', replies: [{ text: 'hi' }] }]);
    await poll();
    const { rows } = await database.pool.query<{ id: string }>(
      `insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload)
       select message_id, 2, app_id, openid, 'text', payload from wechat.delivery returning id`,
    );
    expect(await poll()).toEqual([event('delivery')]);
    expect(await poll()).toEqual([]);
    await database.pool.query(`update wechat.delivery set status = 'cancelled' where id = $1`, [rows[0]?.id]);
    expect(await poll()).toEqual([event('delivery')]);
    expect(await poll()).toEqual([]);
  });

  test('of a takeover: that it began, changed hands, and ended', async () => {
    await tell(database.pool, 'wx1', [{ openid: 'o1', hoursAgo: 1, text: 'x' }]);
    await poll();
    for (const change of [
      `select wechat.ask_for_person('wx1', 'o1', 'why')`,
      `select wechat.take_over('wx1', 'o1', 'anna')`,
      `select wechat.hand_back('wx1', 'o1', 'anna')`,
    ]) {
      await database.pool.query(change);
      expect(await poll(), change).toEqual([event('handover')]);
    }
    expect(await poll()).toEqual([]);
  });

  test('of a message that is committed behind one of a higher id is not lost', async () => {
    await tell(database.pool, 'wx1', [{ openid: 'o1', hoursAgo: 1, text: 'x' }]);
    await poll();
    const slow = await database.pool.connect();
    const insert = `insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, payload, created_at)
      values ('wx1', $1, $1, 'text', '{}', now())`;
    try {
      await slow.query('begin');
      await slow.query(insert, ['oslow']);
      await database.pool.query(insert, ['oquick']);
      expect(await poll()).toEqual([event('message', 'oquick')]);
      await slow.query('commit');
    } finally {
      slow.release();
    }
    expect(await poll()).toEqual([event('message', 'oslow')]);
  });
});
