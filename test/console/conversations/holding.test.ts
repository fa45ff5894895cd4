import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { tell } from '../../support/history.js';
import { newAccount } from '../../support/service.js';
import { waitFor } from '../../support/wait.js';
import { mount } from './support.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const account = newAccount();
let lastUser = 0;
async function newConversation() {
  lastUser += 1;
  const openid = `o${lastUser}`;
  // An account of their own: the keys of what was told are the account's.
  const appId = `${account.appId}x${lastUser}`;
  await tell(database.pool, appId, [{ openid, hoursAgo: 1, text: 'hello' }]);
  return { appId, openid, path: `conversations/${appId}/${openid}` };
}

const actions = (appId: string) =>
  database.rows<{ actor: string; action: string }>(
    'select actor, action from wechat.operator_action where app_id = $1 order by id',
    [appId],
  );

describe('taking a conversation', () => {
  test('is on record under the agent’s name, and so is the return', async () => {
    const { path, appId } = await newConversation();
    const api = await mount({ database });
    expect(await api.post(`${path}/take`, { pending: 'cancel' })).toEqual({ kind: 'taken' });
    expect(await api.post(`${path}/return`)).toEqual({ kind: 'returned' });
    expect(await actions(appId)).toEqual([
      { actor: 'anna', action: 'takeover' },
      { actor: 'anna', action: 'hand_back' },
    ]);
  });

  test('tells who has it; a colleague may take it when they say so, and then it is not the first one’s to return', async () => {
    const { path } = await newConversation();
    const anna = await mount({ database });
    const ben = anna.as('ben');
    await anna.post(`${path}/take`, { pending: 'cancel' });
    expect(await ben.post(`${path}/take`, { pending: 'cancel' })).toEqual({
      kind: 'held',
      agent: 'anna',
      since: expect.any(String),
    });
    expect(await ben.post(`${path}/take`, { pending: 'cancel', steal: true })).toEqual({ kind: 'taken' });
    expect(await anna.post(`${path}/return`)).toEqual({ kind: 'not_yours', agent: 'ben' });
    expect(await ben.post(`${path}/return`)).toEqual({ kind: 'returned' });
    expect(await ben.post(`${path}/return`)).toEqual({ kind: 'returned' });
  });

  test('by two at the same time goes to one, also while the transaction of the other is open', async () => {
    const { path, appId, openid } = await newConversation();
    const api = await mount({ database });
    const first = await database.pool.connect();
    const second = await database.pool.connect();
    try {
      const take = `select result, held_by from wechat.take_over($1, $2, $3)`;
      await first.query('begin');
      await second.query('begin');
      await first.query(take, [appId, openid, 'anna']);
      const waiting = second.query(take, [appId, openid, 'ben']);
      const chloe = api.as('chloe').ask('POST', `${path}/take`, { pending: 'cancel' });
      await waitFor('two that wait for the lock', async () => {
        const [row] = await database.rows<{ waiting: number }>(
          `select count(*)::int as waiting from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return row?.waiting === 2;
      });
      await first.query('commit');
      expect((await waiting).rows).toEqual([{ result: 'held', held_by: 'anna' }]);
      await second.query('commit');
      expect((await chloe).body).toMatchObject({ kind: 'held', agent: 'anna' });
    } finally {
      first.release();
      second.release();
    }
    expect(await api.get(path)).toMatchObject({ state: 'taken', handover: { agent: 'anna' } });
  });

  test('by ten at once goes to one', async () => {
    const { path } = await newConversation();
    const api = await mount({ database });
    const agents = Array.from({ length: 10 }, (_, n) => `agent${n}`);
    const results = await Promise.all(
      agents.map(async (name) => ({
        name,
        ...(await api.as(name).post(`${path}/take`, { pending: 'send' })),
      })),
    );
    const taken = results.filter(({ kind }) => kind === 'taken');
    expect(taken).toHaveLength(1);
    expect(new Set(results.filter(({ kind }) => kind === 'held').map(({ agent }) => agent))).toEqual(
      new Set([taken[0]?.name]),
    );
  });

  test('that somebody locks for long is answered with "busy", not with a wait', async () => {
    const { path, appId, openid } = await newConversation();
    const api = await mount({ database });
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      await client.query('select * from wechat.take_over($1, $2, $3)', [appId, openid, 'ben']);
      expect(await api.post(`${path}/take`, { pending: 'cancel' }, 503)).toMatchObject({ error: 'busy' });
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('of nobody, or without a choice about pending replies, is refused', async () => {
    const { path } = await newConversation();
    const api = await mount({ database });
    expect(await api.post('conversations/wxnone/onobody/take', { pending: 'cancel' })).toEqual({
      kind: 'no_conversation',
    });
    for (const body of [{}, { pending: 'drop' }, { pending: 'cancel', more: 1 }, '{', []])
      expect((await api.ask('POST', `${path}/take`, body)).status).toBe(400);
  });
});

describe('a transfer to Tencent’s customer service', () => {
  async function transferWith(outcome: object) {
    lastUser += 1;
    const openid = `t${lastUser}`;
    const own = newAccount();
    await tell(database.pool, own.appId, [{ openid, hoursAgo: 1, text: 'hello' }]);
    const calls: unknown[][] = [];
    const others = () =>
      ({
        createSession: async (...values: unknown[]) => {
          calls.push(values);
          return outcome;
        },
      }) as never;
    const tokens = { peek: () => 'T', get: async () => 'T', replace: async () => 'T2' };
    const api = await mount({ database, account: own, overrides: { clients: { others }, tokens } });
    return { api, calls, path: `conversations/${own.appId}/${openid}`, openid };
  }

  test('asks WeChat, and then it is held there', async () => {
    const { api, calls, path, openid } = await transferWith({ kind: 'created' });
    await api.post(`${path}/take`, { pending: 'cancel' });
    expect(await api.post(`${path}/transfer`, { kfAccount: 'kf1@shop' })).toEqual({ kind: 'returned' });
    expect(calls).toEqual([['T', openid, 'kf1@shop']]);
    expect((await api.get(path)).handover).toMatchObject({ agent: 'kf1@shop', external: true });
  });

  test('that WeChat refuses leaves it with the agent, and says why', async () => {
    const refused = { kind: 'refused', httpStatus: 200, errcode: 65415, errmsg: 'no', errorClass: undefined };
    const { api, path } = await transferWith(refused);
    await api.post(`${path}/take`, { pending: 'cancel' });
    expect(await api.post(`${path}/transfer`, { kfAccount: 'kf1@shop' }, 502)).toMatchObject({
      error: 'wechat_refused',
      message: expect.stringContaining('65415'),
    });
    expect((await api.get(path)).handover).toMatchObject({ agent: 'anna', external: false });
  });

  test('by who does not hold it asks nobody', async () => {
    const { api, calls, path } = await transferWith({ kind: 'created' });
    await api.as('ben').post(`${path}/take`, { pending: 'cancel' });
    expect(await api.post(`${path}/transfer`, { kfAccount: 'kf1@shop' })).toEqual({
      kind: 'not_yours',
      agent: 'ben',
    });
    expect(calls).toEqual([]);
    expect((await api.ask('POST', `${path}/transfer`, { kfAccount: 'nobody' })).status).toBe(400);
  });
});

describe('rights', () => {
  test('each route asks for its own: to read, or to chat', async () => {
    const { path } = await newConversation();
    const rights: string[] = [];
    const api = await mount({ database, rights });
    const asked = async (method: string, route: string) => {
      rights.length = 0;
      await api.ask(method, route);
      return rights;
    };
    for (const route of ['conversations', path, 'media/m1'])
      expect(await asked('GET', route)).toEqual(['read']);
    for (const route of ['take', 'return', 'transfer', 'read', 'send'])
      expect(await asked('POST', `${path}/${route}`), route).toEqual(['chat']);
    expect(await asked('GET', 'saved-answers')).toEqual(['chat']);
    expect(await asked('POST', 'saved-answers')).toEqual(['chat']);
    expect(await asked('PUT', 'saved-answers/1')).toEqual(['chat']);
    expect(await asked('DELETE', 'saved-answers/1')).toEqual(['chat']);
  });
});
