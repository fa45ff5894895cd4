import { expect, onTestFinished, test } from 'vitest';
import { createPool } from '../../src/db/pool.js';
import { createStore } from '../../src/outbox/arrive.js';
import { type ClaimedMessage, createClaims } from '../../src/outbox/claim.js';
import { createPlanner } from '../../src/outbox/plan.js';
import { createRecords } from '../../src/outbox/record.js';
import { rescue } from '../../src/outbox/rescue.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { textMessage } from '../support/messages.js';
import { registerWorker, sent } from '../support/worker.js';

async function openDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

async function storeText(database: TestDatabase, openid = 'oUser'): Promise<string> {
  await createStore(database.pool)([{ appId: 'wx1', message: textMessage({ openid }) }]);
  const [row] = await database.rows<{ id: string }>('select max(id)::text as id from wechat.inbound_message');
  return row?.id ?? '';
}

function claimOf([claimed]: readonly ClaimedMessage[]) {
  if (!claimed) throw new Error('nothing was claimed');
  const { id: messageId, workerId, claimedAt } = claimed;
  return { messageId, workerId, claimedAt };
}

const payloads = [
  { msgtype: 'text', text: { content: 'one' } },
  { msgtype: 'text', text: { content: 'two' } },
];

test('a message is claimed by one of many who ask at the same time', async () => {
  const database = await openDatabase();
  const ids = [
    await storeText(database, 'o1'),
    await storeText(database, 'o2'),
    await storeText(database, 'o3'),
  ];
  const workers = await Promise.all(Array.from({ length: 5 }, () => registerWorker(database)));
  const claims = createClaims(database.pool);
  const claimed = await Promise.all(workers.map((worker) => claims.claim(ids, worker)));
  expect(
    claimed
      .flat()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(ids);
});

test('a message waits while an earlier one of its conversation is unsettled, and is next when that is settled', async () => {
  const database = await openDatabase();
  const [first, second] = [await storeText(database), await storeText(database)];
  const workerId = await registerWorker(database);
  const claims = createClaims(database.pool);
  expect((await claims.claim([second], workerId)).map(({ id }) => id)).toEqual([]);
  const claimed = await claims.claim([first, second], workerId);
  expect(claimed.map(({ id }) => id)).toEqual([first]);
  const conversation = { appId: 'wx1', openid: 'oUser' };
  expect(await claims.claimNext([conversation], workerId)).toEqual([]);
  await createRecords(database.pool).finish([
    { ...claimOf(claimed), end: { kind: 'settled' }, error: undefined },
  ]);
  expect((await claims.claimNext([conversation, conversation], workerId)).map(({ id }) => id)).toEqual([
    second,
  ]);
});

test('a worker whose message was given to another can neither plan, start, record nor settle', async () => {
  const database = await openDatabase();
  const messageId = await storeText(database);
  const [slow, other] = [await registerWorker(database), await registerWorker(database)];
  const claims = createClaims(database.pool);
  const plan = createPlanner(database.pool);
  const records = createRecords(database.pool);
  const claimed = await claims.claim([messageId], slow);
  await database.pool.query('update wechat.inbound_message set claimed_by = $1', [other]);

  expect(await plan([{ messageId, workerId: slow, payloads, startFirst: true }])).toEqual([{ kind: 'lost' }]);
  expect(await database.rows('select from wechat.delivery')).toEqual([]);

  const [planned] = await plan([{ messageId, workerId: other, payloads, startFirst: false }]);
  if (planned?.kind !== 'planned') throw new Error('the owner could not plan');
  const deliveryId = planned.deliveries[0]?.id ?? '';
  expect(await records.start([{ deliveryId, workerId: slow, attempt: 1 }])).toEqual([false]);
  expect(await records.start([{ deliveryId, workerId: other, attempt: 1 }])).toEqual([true]);
  expect(await records.finish([{ ...claimOf(claimed), end: { kind: 'settled' }, error: undefined }])).toEqual(
    [false],
  );

  // The other has begun attempt 2 after recording attempt 1 as unknown: the slow one's result comes too late.
  const late = sent({ deliveryId, messageId, workerId: slow, attempt: 1 });
  await records.start([{ deliveryId, workerId: other, attempt: 2 }]);
  expect(await records.record([late])).toEqual([false]);
  expect(await database.rows('select status, attempts from wechat.delivery where position = 1')).toEqual([
    { status: 'sending', attempts: 2 },
  ]);
  expect(await database.rows('select status from wechat.inbound_message')).toEqual([{ status: 'answering' }]);
});

test('a message of which something is still to be sent is not settled, whoever says so', async () => {
  const database = await openDatabase();
  const messageId = await storeText(database);
  const workerId = await registerWorker(database);
  const claimed = await createClaims(database.pool).claim([messageId], workerId);
  const [planned] = await createPlanner(database.pool)([{ messageId, workerId, payloads, startFirst: true }]);
  if (planned?.kind !== 'planned') throw new Error('the owner could not plan');
  const deliveryId = planned.deliveries[0]?.id ?? '';
  const records = createRecords(database.pool);
  await records.start([{ deliveryId, workerId, attempt: 2 }]);
  const ofAttempt = (attempt: number) => sent({ deliveryId, messageId, workerId, attempt });
  const settle = { ...claimOf(claimed), end: { kind: 'settled' }, error: undefined } as const;
  const state = () => database.rows('select status, claimed_by from wechat.inbound_message');

  // The latest is under way: an earlier one that ends now is not its end.
  expect(await records.record([ofAttempt(1)])).toEqual([false]);
  expect(await records.finish([settle])).toEqual([false]);
  expect(await state()).toEqual([{ status: 'answering', claimed_by: workerId }]);
  const others = planned.deliveries.slice(1).map(({ id }) => id);
  await database.pool.query(`update wechat.delivery set status = 'failed' where id = any($1)`, [others]);
  expect(await records.record([ofAttempt(2)])).toEqual([true]);
  expect(await state()).toEqual([{ status: 'settled', claimed_by: null }]);
});

test('statements that run again after a lost answer change nothing more', async () => {
  const database = await openDatabase();
  const messageId = await storeText(database);
  const workerId = await registerWorker(database);
  const claimed = await createClaims(database.pool).claim([messageId], workerId);
  const plan = createPlanner(database.pool);
  const records = createRecords(database.pool);
  const once = await plan([{ messageId, workerId, payloads, startFirst: true }]);
  expect(await plan([{ messageId, workerId, payloads, startFirst: true }])).toEqual(once);
  const second = {
    ...claimOf(claimed),
    end: { kind: 'released', delayMs: 60_000, refundAttempt: false } as const,
    error: undefined,
  };
  expect(await records.finish([second])).toEqual([true]);
  expect(await records.finish([second])).toEqual([false]);
  expect(
    await database.rows('select count(*)::int as jobs from graphile_worker.jobs where run_at > now()'),
  ).toEqual([{ jobs: 1 }]);
});

test('the end of a claim that runs again after a lost answer does not end the next claim of the same worker', async () => {
  const database = await openDatabase();
  const messageId = await storeText(database);
  const workerId = await registerWorker(database);
  const claims = createClaims(database.pool);
  const { finish } = createRecords(database.pool);
  const end = { kind: 'released', delayMs: 0, refundAttempt: true } as const;
  const first = { ...claimOf(await claims.claim([messageId], workerId)), end, error: undefined };
  expect(await finish([first])).toEqual([true]);
  const second = { ...claimOf(await claims.claim([messageId], workerId)), end, error: undefined };

  expect(await finish([first])).toEqual([false]);
  expect(await database.rows('select claimed_by, reply_attempts from wechat.inbound_message')).toEqual([
    { claimed_by: workerId, reply_attempts: 1 },
  ]);
  expect(await finish([second])).toEqual([true]);
});

test('a worker without its lock is missed for a while before its messages are given away', async () => {
  const database = await openDatabase();
  const messageId = await storeText(database);
  const workerId = await registerWorker(database);
  const claims = createClaims(database.pool);
  await claims.claim([messageId], workerId);

  expect(await rescue(database.pool, 10_000)).toEqual({ workers: [], messages: 0 });
  await database.pool.query(`update wechat.worker_process set missing_since = now() - interval '11 seconds'`);
  expect(await rescue(database.pool, 10_000)).toEqual({ workers: [workerId], messages: 1 });
  expect(await rescue(database.pool, 10_000)).toEqual({ workers: [], messages: 0 });
  // It may claim nothing more under this id.
  expect(await claims.claim([messageId], workerId)).toEqual([]);
  expect((await claims.claim([messageId], await registerWorker(database))).map(({ id }) => id)).toEqual([
    messageId,
  ]);
});

test('commits are durable even where the server is set to be quick', async () => {
  const database = await openDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(`alter database ${name} set synchronous_commit = off`);
  const pool = createPool({
    connectionString: database.url,
    name: 'test',
    max: 1,
    statementTimeoutMs: 0,
    onError: () => undefined,
  });
  expect((await pool.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
  await pool.end();
});
