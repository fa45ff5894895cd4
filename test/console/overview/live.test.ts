import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Now } from '../../../src/console/contract/overview.js';
import {
  createOverviewRoutes,
  type OverviewDependencies,
} from '../../../src/console/server/overview/routes.js';
import type { Pool } from '../../../src/db/pool.js';
import { anybody, mountForTest, silent } from '../../support/area.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { tell } from '../../support/history.js';
import { createLanes, type Lanes, type LaneWorker } from '../../support/lanes.js';
import { waitFor } from '../../support/wait.js';

let database: TestDatabase;
let lanes: Lanes;
let worker: LaneWorker;

beforeAll(async () => {
  database = await createTestDatabase();
  lanes = createLanes(database.pool, { appId: 'wxone' });
  worker = await lanes.worker();
});
afterAll(() => database.drop());

const routes = (more: Partial<OverviewDependencies> = {}) =>
  createOverviewRoutes({
    ...{ pool: database.pool, requires: anybody, log: silent, accounts: [] },
    clientOf: () => ({ fetchQuota: async () => ({ kind: 'transient', errmsg: '' }) }),
    tokens: { get: async () => '', replace: async () => '' },
    checkAccount: async () => [],
    stopping: new AbortController().signal,
    pollMs: 20,
    ...more,
  });

/** Counts the looks; each begins with this statement. */
function counting(pool: Pool): { pool: Pool; looks(): number } {
  let looks = 0;
  const query = (text: string, values?: unknown[]) => {
    if (text.includes('wechat.backlog()')) looks += 1;
    return pool.query(text, values);
  };
  return { pool: { query } as unknown as Pool, looks: () => looks };
}

interface Listening {
  events: { name: string; data: unknown }[];
  text(): string;
  isOver(): boolean;
  close(): void;
}

async function listen(url: string, path = '/live'): Promise<Listening> {
  const closing = new AbortController();
  const response = await fetch(url + path, { signal: closing.signal });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const events: Listening['events'] = [];
  let text = '';
  let over = false;
  const read = async () => {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString('utf8');
      events.length = 0;
      for (const [, name = '', data = ''] of text.matchAll(/event: (.*)\ndata: (.*)\n\n/g))
        events.push({ name, data: JSON.parse(data) });
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => {
      over = true;
    });
  return { events, text: () => text, isOver: () => over, close: () => closing.abort() };
}

test('now says what waits, who works, and what rests', async () => {
  await tell(database.pool, 'wxone', [
    { openid: 'oDone', hoursAgo: 0, text: 'hi', replies: [{ text: 'hello', seconds: 2 }] },
  ]);
  await lanes.say('oWaits');
  await lanes.say('oHeld');
  await worker.take('oHeld');
  await database.rows(
    `insert into wechat.account_pause (app_id, reason, errcode, errmsg, probe_at)
     values ('wxone', 'account', 48001, 'api unauthorized', now() + interval '5 minutes')`,
  );
  const api = await mountForTest(routes());
  const { body } = await api.get('/now?lang=zh-CN');
  const now = body as Now;
  expect(now).toMatchObject({ waiting: 2, withAgent: 0, noWorker: false });
  expect(now.backlog.map(({ state, messages }) => [state, messages])).toEqual([
    ['claimed', 1],
    ['ready', 1],
  ]);
  expect(now.minutes).toHaveLength(60);
  expect(now.minutes.reduce((sum, { received }) => sum + received, 0)).toBeGreaterThanOrEqual(2);
  expect(now.workers).toMatchObject([{ id: worker.id, holds: 1, missing: false }]);
  expect(now.pauses).toMatchObject([{ account: 'wxone', code: 48001, waiting: 2 }]);
  expect(now.pauses[0]?.remedy).toMatch(/\p{Script=Han}/u);
  await database.rows('delete from wechat.account_pause');
  await database.rows(`update wechat.worker_process set heartbeat_at = now() - interval '1 minute'`);
  const other = await mountForTest(routes());
  expect((await other.get('/now')).body).toMatchObject({ noWorker: true, pauses: [] });
  await database.rows('update wechat.worker_process set heartbeat_at = now()');
});

test('what was tried for long counts as failed in the minute in which it ended, and not in that of its plan', async () => {
  await tell(database.pool, 'wxlate', [
    { openid: 'oLate', hoursAgo: 3, text: 'hi', replies: [{ text: 'hello', status: 'expired', seconds: 1 }] },
    { openid: 'oNow', hoursAgo: 0, text: 'hi', replies: [{ text: 'hello', status: 'failed', seconds: 1 }] },
  ]);
  await database.rows(
    `update wechat.delivery_attempt a set started_at = now() - interval '1 second', finished_at = now()
     from wechat.delivery d where d.id = a.delivery_id and d.app_id = 'wxlate' returning a.attempt`,
  );
  const api = await mountForTest(routes());
  const { minutes } = (await api.get('/now')).body as Now;
  expect(minutes.slice(-2).reduce((sum, { failed }) => sum + failed, 0)).toBe(2);
  expect(minutes.reduce((sum, { failed }) => sum + failed, 0)).toBe(2);
});

test('all streams share one look, and nobody looks when they are gone', async () => {
  const counted = counting(database.pool);
  const api = await mountForTest(routes({ pool: counted.pool, pollMs: 200 }));
  expect(counted.looks()).toBe(0);
  const streams = await Promise.all(Array.from({ length: 30 }, () => listen(api.url)));
  await waitFor('three events in each stream', () => streams.every(({ events }) => events.length >= 3));
  expect(streams[0]?.events[0]).toMatchObject({ name: 'now', data: { waiting: expect.any(Number) } });
  const most = Math.max(...streams.map(({ events }) => events.length));
  expect(counted.looks()).toBeLessThanOrEqual(most + 1);
  for (const stream of streams) stream.close();
  // It has ended once two of its pauses pass without a look.
  await waitFor('the end of the looks', async () => {
    const before = counted.looks();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return counted.looks() === before;
  });
});

test('a stream tells of conversations that changed, and gives signs of life', async () => {
  const api = await mountForTest(routes({ heartbeatMs: 10 }));
  const stream = await listen(api.url, '/live?conversations=1');
  await waitFor('the first event', () => stream.events.length > 0);
  await lanes.say('oFresh');
  await database.rows(`select * from wechat.take_over('wxone', 'oFresh', 'mei')`);
  const told = (what: string) =>
    waitFor(what, () =>
      stream.events.some(
        ({ name, data }) =>
          name === 'conversation' && JSON.stringify(data).includes(`"oFresh","what":"${what}"`),
      ),
    );
  await told('message');
  await told('handover');
  await waitFor('a sign of life', () => stream.text().includes('\n: \n\n'));
  stream.close();
});

test('a stream says that the database does not answer, and goes on when it does', async () => {
  let away = true;
  const query = (text: string, values?: unknown[]) =>
    away ? Promise.reject(new Error('Connection terminated')) : database.pool.query(text, values);
  const api = await mountForTest(routes({ pool: { query } as unknown as Pool }));
  const stream = await listen(api.url);
  await waitFor('a word of it', () => stream.events.some(({ name }) => name === 'away'));
  away = false;
  await waitFor('what is so now', () => stream.events.at(-1)?.name === 'now');
  stream.close();
});

test('streams end with the process, and no more are opened', async () => {
  const ending = new AbortController();
  const api = await mountForTest(routes({ stopping: ending.signal }));
  const stream = await listen(api.url);
  await waitFor('the first event', () => stream.events.length > 0);
  ending.abort();
  await waitFor('the end of the stream', () => stream.isOver());
  expect((await api.get('/live')).status).toBe(503);
});

test('a stream ends when its session does', async () => {
  let may = true;
  const api = await mountForTest(routes({ heartbeatMs: 10, stillMay: async () => may }));
  const stream = await listen(api.url);
  await waitFor('a sign of life', () => stream.text().includes('\n: \n\n'));
  expect(stream.isOver()).toBe(false);
  may = false;
  await waitFor('the end of the stream', () => stream.isOver());
});
