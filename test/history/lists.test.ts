import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliveriesQuery, findDeliveries } from '../../src/history/deliveries.js';
import type { ListFilter } from '../../src/history/filter.js';
import { findMessages, messagesQuery } from '../../src/history/messages.js';
import { createKysely } from '../../src/db/kysely.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { storeYear, type Told, tell } from '../support/history.js';
import { createLanes, refused } from '../support/lanes.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const filter = (more: Partial<ListFilter> = {}): ListFilter => ({
  since: new Date(Date.now() - 7 * 86_400_000),
  limit: 50,
  ...more,
});

const told: readonly Told[] = [
  { openid: 'oSent', hoursAgo: 5, text: 'hi', replies: [{ text: 'sent' }] },
  {
    openid: 'oFailed',
    hoursAgo: 4,
    text: 'hi',
    replies: [{ text: 'failed', status: 'failed', errcode: 45002 }],
  },
  { openid: 'oExpired', hoursAgo: 3, text: 'hi', replies: [{ text: 'expired', status: 'expired' }] },
  { openid: 'oLong', hoursAgo: 400, text: 'hi', replies: [{ text: 'old', status: 'failed' }] },
  { openid: 'oBug', hoursAgo: 2, text: '100% wrong', status: 'failed', error: 'a bug' },
];

/** What is told so many hours ago begins with an hour. */
function betweenFailedAndExpired(): Date {
  const thisHour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
  return new Date(thisHour - 3.5 * 3_600_000);
}

describe('list', () => {
  beforeAll(async () => {
    await tell(database.pool, 'wxone', told);
    await tell(database.pool, 'wxtwo', [
      { openid: 'oFailed', hoursAgo: 1, text: 'hi', replies: [{ text: 'other', status: 'failed' }] },
    ]);
    const lanes = createLanes(database.pool, { appId: 'wxone' });
    const worker = await lanes.worker();
    await lanes.say('oWaits', 'waits');
    await lanes.say('oPlanned', 'planned');
    await lanes.say('oPlanned', 'behind');
    const lane = await worker.take('oPlanned');
    const [first] = (await worker.plan(lane, 'one', 'two')) ?? [];
    if (first) await worker.end(lane, refused(first));
    await worker.release(lane, { failure: 'thrown', delayMs: 3_600_000 });
  });

  const deliveries = async (more: Partial<ListFilter> = {}) =>
    (await findDeliveries(database.pool, filter(more))).map(({ openid, status }) => `${openid} ${status}`);
  const messages = async (more: Partial<ListFilter> = {}) =>
    (await findMessages(database.pool, filter(more))).map(({ openid, status, error }) =>
      [openid, status, ...(error ? [error] : [])].join(' '),
    );

  test('shows deliveries that are not through, of all accounts, the newest first', async () => {
    expect(await deliveries()).toEqual([
      'oPlanned pending',
      'oPlanned failed',
      'oFailed failed',
      'oExpired expired',
      'oFailed failed',
    ]);
    expect(await deliveries({ account: 'wxtwo' })).toEqual(['oFailed failed']);
    // One more than asked for tells that there are more.
    expect(await deliveries({ limit: 2 })).toHaveLength(3);
  });

  test('finds deliveries by state, user, code, time and text', async () => {
    expect(await deliveries({ state: 'sent' })).toEqual(['oSent sent']);
    expect(await deliveries({ state: 'pending' })).toEqual(['oPlanned pending']);
    expect(await deliveries({ openid: 'oFailed', account: 'wxone' })).toEqual(['oFailed failed']);
    expect(await deliveries({ openid: 'oSent' })).toEqual([]);
    expect(await deliveries({ code: 45002 })).toEqual(['oFailed failed']);
    expect(await deliveries({ since: new Date(0), state: 'failed', text: 'old' })).toEqual(['oLong failed']);
    expect(await deliveries({ until: betweenFailedAndExpired() })).toEqual(['oFailed failed']);
    expect(await deliveries({ text: 'planned' })).toEqual(['oPlanned pending', 'oPlanned failed']);
  });

  test('shows messages that are not settled, or failed, and with the first of a conversation what it failed with', async () => {
    expect(await messages()).toEqual([
      'oPlanned received',
      'oPlanned answering thrown',
      'oWaits received',
      'oBug failed a bug',
    ]);
    expect(await messages({ state: 'answering' })).toEqual(['oPlanned answering thrown']);
    expect(await messages({ text: '100%' })).toEqual(['oBug failed a bug']);
    expect(await messages({ state: 'settled', account: 'wxtwo' })).toEqual(['oFailed settled']);
    expect(await messages({ openid: 'oFailed', state: 'settled' })).toHaveLength(2);
  });
});

test('no list reads the history through', async () => {
  const { pool, drop } = await createTestDatabase();
  try {
    await storeYear(pool, 'wxyear', 20_000);
    await pool.query('analyze');
    const db = createKysely(pool);
    const deliveries = (more: Partial<ListFilter>) => deliveriesQuery(db, filter(more), ['wxyear', 'wxtwo']);
    const messages = (more: Partial<ListFilter>) => messagesQuery(db, filter(more), ['wxyear', 'wxtwo']);
    const queries = [
      ...['failed', 'pending', 'sent', undefined].map((state) => deliveries({ state })),
      deliveries({ openid: 'o7' }),
      deliveries({ code: 45002 }),
      ...['failed', 'received', 'settled', undefined].map((state) => messages({ state })),
      messages({ openid: 'o7', state: 'settled' }),
    ];
    for (const query of queries) {
      const rows = await query.explain();
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).not.toMatch(/Seq Scan on (delivery|inbound_message)/);
    }
  } finally {
    await drop();
  }
});
