import type { Pool, PoolClient } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { DeliveryRow, MessageRow, Page } from '../../src/console/contract/history.js';
import { createHistoryRoutes } from '../../src/console/server/history/routes.js';
import { createOverviewRoutes } from '../../src/console/server/overview/routes.js';
import { anybody, mountForTest, silent } from '../support/area.js';
import { createTestDatabase } from '../support/database.js';
import { storeYear, tell } from '../support/history.js';
import { createLanes } from '../support/lanes.js';

/** A pool that explains each question before it asks it. */
function explaining(pool: Pool, plans: { text: string; plan: string }[], how = ''): Pool {
  const wrap = (client: PoolClient): PoolClient =>
    new Proxy(client, {
      get(target, name) {
        if (name !== 'query') {
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return async (text: string, values?: unknown[]) => {
          if (/^\s*(select|with|\()/i.test(text)) {
            const { rows } = await target.query<{ 'QUERY PLAN': string }>(`explain ${how} ${text}`, values);
            plans.push({ text, plan: rows.map((row) => row['QUERY PLAN']).join('\n') });
          }
          return target.query(text, values);
        };
      },
    });
  const connect = async () => wrap(await pool.connect());
  return {
    connect,
    async query(text: string, values?: unknown[]) {
      const client = await connect();
      try {
        return await client.query(text, values);
      } finally {
        client.release();
      }
    },
  } as unknown as Pool;
}

/** Tables of the history that a statement reads from end to end, also within functions. */
async function scansOf(pool: Pool, statement: string): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(statement);
    const { rows } = await client.query<{ name: string }>(
      `select relname as name from pg_stat_xact_user_tables
       where relname in ('inbound_message', 'delivery', 'delivery_attempt') and seq_scan > 0`,
    );
    await client.query('rollback');
    return rows.map(({ name }) => name);
  } finally {
    client.release();
  }
}

const messages = 200_000;

test('no page of the console reads the history through', { timeout: 240_000 }, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await storeYear(database.pool, 'wxyear', messages);
  // Of an account that hardly anybody writes to, among all those of another.
  await tell(database.pool, 'wxrare', [
    { openid: 'oRare', hoursAgo: 3, text: 'hi', replies: [{ text: 'x' }] },
  ]);
  const lanes = createLanes(database.pool, { appId: 'wxyear' });
  const worker = await lanes.worker();
  const waits = await lanes.say('oWaits');
  await lanes.say('oWaits', 'behind');
  const lane = await worker.take('oWaits');
  await worker.plan(lane, 'one', 'two');
  await lanes.say('oReceived');
  await database.pool.query('analyze');

  const plans: { text: string; plan: string }[] = [];
  const pool = explaining(database.pool, plans);
  const stopping = new AbortController().signal;
  const shared = { pool, requires: anybody, log: silent, stopping };
  const history = await mountForTest(createHistoryRoutes({ ...shared, accounts: ['wxyear'] }));
  const overview = await mountForTest(
    createOverviewRoutes({
      ...shared,
      accounts: [],
      clientOf: () => ({ fetchQuota: async () => ({ kind: 'transient', errmsg: '' }) }),
      tokens: { get: async () => '', replace: async () => '' },
      checkAccount: async () => [],
    }),
  );

  const ago = (days: number) => encodeURIComponent(new Date(Date.now() - days * 86_400_000).toISOString());
  const week = `since=${ago(7)}`;
  const aYear = `since=${ago(400)}`;
  const get = async <Body>(api: typeof history, path: string): Promise<Body> => {
    const { status, body } = await api.get(path);
    expect({ path, status }).toEqual({ path, status: 200 });
    return body as Body;
  };

  const lists = {
    messages: [
      ...['', 'state=received', 'state=answering', 'state=with_agent', 'state=settled', 'state=failed'],
      ...['type=event:click', 'openid=o7', 'openid=o7&state=settled', 'text=nobody', 'account=wxyear'],
    ],
    deliveries: [
      ...['', 'state=pending', 'state=sent', 'state=failed', 'state=failed,sent', 'code=45002', 'openid=o7'],
      ...['text=nobody', 'state=failed&account=wxyear', 'type=news'],
    ],
  };
  for (const [kind, filters] of Object.entries(lists)) {
    for (const filter of filters) {
      for (const range of ['', week, `since=${ago(200)}&until=${ago(190)}`]) {
        const first = await get<Page<MessageRow | DeliveryRow>>(history, `/${kind}?${filter}&${range}`);
        if (first.next) await get(history, `/${kind}?${filter}&${range}&before=${first.next}`);
      }
    }
  }
  // Of all time, but for what only reading can find.
  const ofAllTime = ['/messages?', '/messages?openid=o7', '/messages?account=wxrare', '/deliveries?'];
  for (const path of [...ofAllTime, '/deliveries?state=failed', '/deliveries?account=wxrare'])
    await get(history, `${path}&${aYear}`);
  await get(history, `/messages/${waits}`);
  await get(history, '/messages/77');
  for (const openid of ['o7', 'oWaits', 'oNobody'])
    await get(history, `/why?account=wxyear&openid=${openid}`);
  for (const action of ['requeue', 'cancel', 'cancel_messages', 'requeue_messages'])
    expect((await history.post('/bulk/preview', { action, filter: {} })).status).toBe(200);
  for (const path of ['/now', '/accounts', '/actions?actor=mei', `/analytics?${week}`])
    await get(overview, path);

  const reading = plans.filter(({ plan }) =>
    /Seq Scan on (inbound_message|delivery|delivery_attempt)\b/.test(plan),
  );
  expect(reading).toEqual([]);
  expect(await scansOf(database.pool, 'select wechat.count_day(wechat.china_day(now()) - 100)')).toEqual([]);
  expect(plans.length).toBeGreaterThan(100);
});

test('the last hour is read in the time of its messages, however little Postgres knows of it', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await storeYear(database.pool, 'wxyear', 20_000);
  const count = 3_000;
  await database.pool.query(
    `with message as (
       insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, created_at, received_at, payload, status, settled_at)
       select 'wxyear', 'hour:' || n, 'h' || n % 700, 'text', at, at, '{}', 'settled', at
       from generate_series(1, $1::int) n, lateral (select now() - n * interval '1 second' as at) told
       returning id, openid, received_at
     )
     insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, attempts, created_at, sent_at)
     select id, 1, 'wxyear', openid, 'text', '{"msgtype":"text"}', 'sent', 1, received_at, received_at from message`,
    [count],
  );
  const plans: { text: string; plan: string }[] = [];
  const overview = await mountForTest(
    createOverviewRoutes({
      ...{ pool: explaining(database.pool, plans, '(analyze, timing off)'), requires: anybody, log: silent },
      ...{ stopping: new AbortController().signal, accounts: [], checkAccount: async () => [] },
      clientOf: () => ({ fetchQuota: async () => ({ kind: 'transient', errmsg: '' }) }),
      tokens: { get: async () => '', replace: async () => '' },
    }),
  );
  const since = encodeURIComponent(new Date(Date.now() - 3_600_000).toISOString());
  const { status, body } = await overview.get(`/analytics?since=${since}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ totals: { messages: expect.any(Number), unanswered: 0 } });
  const compared = plans.flatMap(({ plan }) =>
    [...plan.matchAll(/Rows Removed by Join Filter: (\d+)/g)].map(([, rows]) => Number(rows)),
  );
  expect(compared.filter((rows) => rows > 10 * count)).toEqual([]);
  expect(plans.length).toBeGreaterThan(3);
});
