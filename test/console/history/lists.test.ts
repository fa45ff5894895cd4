import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeliveryRow, MessageDetail, MessageRow, Page } from '../../../src/console/contract/history.js';
import { createHistoryRoutes } from '../../../src/console/server/history/routes.js';
import { createPool } from '../../../src/db/pool.js';
import { anybody, type Mounted, mount, mountForTest, silent } from '../../support/area.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { storeYear, tell } from '../../support/history.js';
import { createLanes, refused } from '../../support/lanes.js';

let database: TestDatabase;
let api: Mounted;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await mount(
    createHistoryRoutes({
      ...{ pool: database.pool, requires: anybody, log: silent, accounts: ['wxone'] },
      stopping: new AbortController().signal,
    }),
  );
  await tell(database.pool, 'wxone', [
    {
      openid: 'oOld',
      hoursAgo: 2_000,
      text: 'long ago',
      replies: [{ text: 'x', status: 'failed', errcode: 45002 }],
    },
    { openid: 'oSent', hoursAgo: 5, text: 'hi', replies: [{ text: 'sent' }] },
    {
      openid: 'oFailed',
      hoursAgo: 4,
      text: 'hi',
      replies: [
        {
          text: 'failed',
          status: 'failed',
          errcode: 45002,
          errmsg: 'content size out of limit rid: 6123-abc',
          before: [{ outcome: 'transient', errcode: -1 }],
        },
      ],
    },
    { openid: 'oClick', hoursAgo: 3, event: 'click', eventKey: 'MENU', replies: [{ text: 'menu' }] },
    { openid: 'oBug', hoursAgo: 2, text: '100% wrong', status: 'failed', error: 'a bug' },
  ]);
  await database.rows(
    `insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, content, payload, created_at, status, settled_at, for_agent)
     values ('wxone', 'oAgent', 'agent:1', 'text', 'a person, please', '{}', now(), 'settled', now(), true)`,
  );
  const lanes = createLanes(database.pool, { appId: 'wxone' });
  const worker = await lanes.worker();
  await lanes.say('oPlanned', 'planned');
  await lanes.say('oPlanned', 'behind');
  const lane = await worker.take('oPlanned');
  const [first] = (await worker.plan(lane, 'one', 'two')) ?? [];
  if (first) await worker.end(lane, refused(first));
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

async function messages(query = ''): Promise<string[]> {
  const { body } = await api.get(`/messages?${query}`);
  return (body as Page<MessageRow>).rows.map(({ openid, state }) => `${openid} ${state}`);
}

async function deliveries(query = ''): Promise<string[]> {
  const { body } = await api.get(`/deliveries?${query}`);
  return (body as Page<DeliveryRow>).rows.map(({ openid, state }) => `${openid} ${state}`);
}

describe('lists', () => {
  test('all messages of the last 30 days, the newest first, each with its state', async () => {
    expect(await messages()).toEqual([
      'oPlanned received',
      'oPlanned answering',
      'oAgent with_agent',
      'oBug failed',
      'oClick settled',
      'oFailed settled',
      'oSent settled',
    ]);
  });

  test('messages by state, type, user, text and time', async () => {
    expect(await messages('state=settled')).toEqual(['oClick settled', 'oFailed settled', 'oSent settled']);
    expect(await messages('state=with_agent')).toEqual(['oAgent with_agent']);
    expect(await messages('state=with_agent,failed')).toEqual(['oAgent with_agent', 'oBug failed']);
    expect(await messages('openid=oAgent&state=settled')).toEqual([]);
    expect(await messages('openid=oAgent&state=with_agent')).toEqual(['oAgent with_agent']);
    expect(await messages('type=event')).toEqual(['oClick settled']);
    expect(await messages('type=event:click')).toEqual(['oClick settled']);
    expect(await messages('type=event:CLICK')).toEqual(['oClick settled']);
    expect(await messages('type=event:scan')).toEqual([]);
    expect(await messages('text=100%25')).toEqual(['oBug failed']);
    expect(await messages('openid=oOld')).toEqual(['oOld settled']);
    // What is told so many hours ago begins with an hour.
    const thisHour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    const since = encodeURIComponent(new Date(thisHour - 3.5 * 3_600_000).toISOString());
    expect(await messages(`since=${since}&state=settled&until=`)).toEqual(['oClick settled']);
    expect(await messages('account=wxother')).toEqual([]);
  });

  test('deliveries by state, code, user and time', async () => {
    expect(await deliveries()).toEqual([
      'oPlanned pending',
      'oPlanned failed',
      'oClick sent',
      'oFailed failed',
      'oSent sent',
    ]);
    expect(await deliveries('code=45002')).toEqual(['oFailed failed']);
    expect(await deliveries('state=failed&since=2020-01-01T00:00:00Z')).toEqual([
      'oPlanned failed',
      'oFailed failed',
      'oOld failed',
    ]);
    expect(await deliveries('openid=oClick')).toEqual(['oClick sent']);
  });

  test.each(['messages', 'deliveries'])('pages of %s follow one another without a gap', async (kind) => {
    const { body } = await api.get(`/${kind}`);
    const whole = (body as Page<{ id: string }>).rows.map(({ id }) => id);
    const seen: string[] = [];
    for (let before = ''; ; ) {
      const page = (await api.get(`/${kind}?limit=2&before=${before}`)).body as Page<{ id: string }>;
      seen.push(...page.rows.map(({ id }) => id));
      if (page.next === null) break;
      before = page.next;
    }
    expect(seen).toEqual(whole);
  });

  test('what is unknown or wrong is refused in words', async () => {
    expect(await api.get('/messages?colour=red&limit=9000&since=yesterday')).toEqual({
      status: 400,
      body: { error: 'bad_request', message: 'Unknown or wrong: since, limit, colour' },
    });
    expect(await api.get('/deliveries?state=lost&lang=zh-CN')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('可选的状态') },
    });
    expect(await api.get('/messages?code=1', { 'accept-language': 'zh-TW,zh;q=0.9' })).toMatchObject({
      status: 400,
      body: { message: '参数不认识或有误：code' },
    });
    for (const query of ['text=%00', 'before=99999999999999999999', 'state=a&state=b'])
      expect((await api.get(`/messages?${query}`)).status).toBe(400);
  });

  test('a question that takes too long ends with the advice to narrow the time', async () => {
    const { pool, url, drop } = await createTestDatabase();
    const limited = createPool({
      ...{ connectionString: url, name: 'console', max: 1, statementTimeoutMs: 1_000 },
      onError: () => undefined,
    });
    try {
      await storeYear(pool, 'wxyear', 10);
      const slow = await mountForTest(
        createHistoryRoutes({
          ...{ pool: limited, requires: anybody, log: silent, accounts: [] },
          stopping: new AbortController().signal,
        }),
      );
      // It takes as long as the limit allows, whatever the machine.
      const locked = await pool.connect();
      await locked.query('begin; lock table wechat.delivery');
      const { status, body } = await slow.get('/deliveries?state=failed&text=nobody');
      await locked.query('rollback');
      locked.release();
      expect({ status, body }).toMatchObject({ status: 503, body: { error: 'too_slow' } });
      expect((body as { message: string }).message).toContain('narrow the time');
    } finally {
      await limited.end();
      await drop();
    }
  });
});

describe('one message', () => {
  async function detail(openid: string, position = 0): Promise<MessageDetail> {
    const list = (await api.get(`/messages?openid=${openid}`)).body as Page<MessageRow>;
    return (await api.get(`/messages/${list.rows[position]?.id}?lang=en`)).body as MessageDetail;
  }

  test('with each attempt, what the code means, and what requeue would say', async () => {
    const failed = await detail('oFailed');
    expect(failed.deliveries).toMatchObject([
      {
        state: 'failed',
        code: 45002,
        text: 'failed',
        verdict: 'window_closed',
        explained: { code: 45002, meaning: expect.stringMatching(/long|size/i) },
        timeline: [
          { attempt: 1, outcome: 'transient', rid: null },
          { attempt: 2, outcome: 'permanent', rid: '6123-abc' },
        ],
      },
    ]);
    expect(failed).toMatchObject({ state: 'settled', worker: null, dueAt: null, window: null });
  });

  test('with the one that it was answered with, or those that were answered with it', async () => {
    const pool = database.pool;
    const list = (await api.get('/messages?state=settled')).body as Page<MessageRow>;
    const [last, first] = list.rows;
    await pool.query('update wechat.inbound_message set merged_count = 1 where id = $1', [last?.id]);
    await pool.query('update wechat.inbound_message set merged_into = $2 where id = $1', [
      first?.id,
      last?.id,
    ]);
    const of = async (id = '') => (await api.get(`/messages/${id}?lang=en`)).body as MessageDetail;
    expect(await of(first?.id)).toMatchObject({ mergedInto: last?.id, mergedCount: 0 });
    expect(await of(last?.id)).toMatchObject({ mergedInto: null, mergedCount: 1 });
    await pool.query('update wechat.inbound_message set merged_into = null, merged_count = null');
  });

  test('with the worker that has it, the window, and what is before it', async () => {
    const [behind, first] = [await detail('oPlanned'), await detail('oPlanned', 1)];
    expect(first).toMatchObject({
      state: 'answering',
      worker: { hostname: expect.any(String), pid: expect.any(Number) },
      window: { quota: 5, used: 0 },
      behind: { messages: 0, firstId: null },
      logQuery: expect.stringContaining(`message_id:"${first.id}"`),
    });
    expect(first.deliveries.map(({ state, timeline }) => [state, timeline.at(-1)?.outcome])).toEqual([
      ['failed', 'permanent'],
      ['pending', undefined],
    ]);
    expect(behind.behind).toEqual({ messages: 1, firstId: first.id });
  });

  test('that nobody knows is refused in words', async () => {
    expect(await api.get('/messages/99999999')).toMatchObject({ status: 404, body: { error: 'not_found' } });
    expect((await api.get('/messages/abc')).status).toBe(400);
  });
});
