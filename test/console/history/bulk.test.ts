import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BulkPreview, BulkProgress } from '../../../src/console/contract/history.js';
import { createHistoryRoutes } from '../../../src/console/server/history/routes.js';
import { anybody, type Mounted, mount, mountForTest, silent } from '../../support/area.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { tell } from '../../support/history.js';
import { createLanes } from '../../support/lanes.js';
import { waitFor } from '../../support/wait.js';

let database: TestDatabase;
let api: Mounted;

const routes = (stopping = new AbortController().signal) =>
  createHistoryRoutes({
    ...{ pool: database.pool, requires: anybody, log: silent, accounts: ['wxone'], stopping },
  });

beforeAll(async () => {
  database = await createTestDatabase();
  api = await mount(routes());
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

beforeEach(async () => {
  for (const table of ['delivery', 'inbound_message', 'lane', 'operator_action', 'delivery_attempt'])
    await database.rows(`delete from wechat.${table}`);
});

/** So many users whose one answer was refused while their window is still open. */
async function storeFailures(count: number): Promise<void> {
  await database.rows(
    `with message as (
       insert into wechat.inbound_message
         (app_id, openid, dedupe_key, msg_type, content, payload, created_at, window_ends_at, window_quota, status, settled_at)
       select 'wxone', 'o' || n, 'k' || n, 'text', 'hi', '{}', now(), now() + interval '1 day', 5, 'settled', now()
       from generate_series(1, $1::int) n returning id, openid)
     insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, attempts, errcode)
     select id, 1, 'wxone', openid, 'text', '{"msgtype":"text","text":{"content":"x"}}', 'failed', 1, 45002 from message`,
    [count],
  );
}

async function ended(id: string): Promise<BulkProgress> {
  return waitFor('the end of the action', async () => {
    const progress = (await api.get(`/bulk/${id}`)).body as BulkProgress;
    return progress.state !== 'running' && progress;
  });
}

test('what a filter matches is previewed, requeued in steps, and on record by the name of the person', async () => {
  await storeFailures(700);
  const request = { action: 'requeue', filter: { state: 'failed', code: 45002 } };
  const preview = (await api.post('/bulk/preview?lang=en', request)).body as BulkPreview;
  expect(preview).toEqual({
    matched: 700,
    limit: 10_000,
    verdicts: [{ verdict: 'ready', count: 700, explained: 'can be done' }],
  });
  const { status, body } = await api.post('/bulk/run', { ...request, expected: 700 });
  expect(status).toBe(202);
  expect(await ended((body as { id: string }).id)).toMatchObject({
    ...{ state: 'done', total: 700, done: 700, error: null },
    results: [{ result: 'requeued', count: 700 }],
  });
  expect(
    await database.rows('select actor, action, affected from wechat.operator_action order by id'),
  ).toEqual([
    { actor: 'mei', action: 'requeue', affected: 300 },
    { actor: 'mei', action: 'requeue', affected: 300 },
    { actor: 'mei', action: 'requeue', affected: 100 },
  ]);
  expect((await api.post('/bulk/preview', request)).body).toMatchObject({ matched: 0, verdicts: [] });
});

test('what a person did not confirm is not done', async () => {
  await storeFailures(20);
  const request = { action: 'requeue', filter: { state: 'failed' } };
  expect(await api.post('/bulk/run?lang=en', { ...request, expected: 10 })).toMatchObject({
    ...{
      status: 409,
      body: { error: 'expected_is_off', message: expect.stringContaining('20 match by now') },
    },
  });
  // Within a tenth.
  expect((await api.post('/bulk/run', { ...request, expected: 19 })).status).toBe(202);
});

test('messages and deliveries that wait are cancelled, and what a worker has is left alone', async () => {
  const lanes = createLanes(database.pool, { appId: 'wxone' });
  const worker = await lanes.worker();
  const waits = await lanes.say('oWaits');
  await lanes.say('oHeld');
  await worker.plan(await worker.take('oHeld'), 'one');
  await lanes.say('oPlanned');
  const lane = await worker.take('oPlanned');
  await worker.plan(lane, 'one', 'two');
  await worker.release(lane, { delayMs: 3_600_000 });

  const preview = await api.post('/bulk/preview', { action: 'cancel', filter: {} });
  expect((preview.body as BulkPreview).verdicts).toMatchObject([
    { verdict: 'ready', count: 2 },
    { verdict: 'in_hand', count: 1 },
  ]);
  const cancelled = await api.post('/bulk/run', { action: 'cancel', filter: { state: 'pending,sending' } });
  expect((await ended((cancelled.body as { id: string }).id)).results).toMatchObject([
    { result: 'cancelled', count: 2 },
    { result: 'in_hand', count: 1 },
  ]);
  const message = await api.post('/bulk/run', { action: 'cancel_messages', ids: [waits, '999999'] });
  expect((await ended((message.body as { id: string }).id)).results).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ result: 'cancelled', count: 1 }),
      expect.objectContaining({ result: 'not_found', count: 1 }),
    ]),
  );
});

test('messages whose reply logic failed run again, by force also after their window', async () => {
  await tell(database.pool, 'wxone', [
    { openid: 'oBug', hoursAgo: 60, text: 'hi', status: 'failed', error: 'a bug' },
  ]);
  const request = { action: 'requeue_messages', filter: { openid: 'oBug' } };
  expect((await api.post('/bulk/preview', request)).body).toMatchObject({
    verdicts: [{ verdict: 'window_closed' }],
  });
  const kept = await api.post('/bulk/run', request);
  expect((await ended((kept.body as { id: string }).id)).results).toMatchObject([
    { result: 'window_closed' },
  ]);
  const forced = await api.post('/bulk/run', { ...request, force: true });
  expect((await ended((forced.body as { id: string }).id)).results).toMatchObject([{ result: 'requeued' }]);
});

test('neither, both, or states that the action does not know are refused', async () => {
  for (const body of [
    { action: 'requeue' },
    { action: 'requeue', ids: ['1'], filter: {} },
    { action: 'requeue', filter: { state: 'sent' } },
    { action: 'requeue', ids: [] },
    { action: 'burn', ids: ['1'] },
    { action: 'requeue', filter: { colour: 'red' } },
  ])
    expect((await api.post('/bulk/preview', body)).status).toBe(400);
  expect((await api.get('/bulk/none')).status).toBe(404);
});

test('an action ends with the process, and what was done stays done', async () => {
  await storeFailures(400);
  const ending = new AbortController();
  const other = await mountForTest(routes(ending.signal));
  ending.abort();
  const { body } = await other.post('/bulk/run', { action: 'requeue', filter: {} });
  const { id } = body as { id: string };
  const progress = await waitFor('the end of the action', async () => {
    const one = (await other.get(`/bulk/${id}`)).body as BulkProgress;
    return one.state !== 'running' && one;
  });
  expect(progress).toMatchObject({ state: 'failed', done: 0, error: 'the process ends' });
});
