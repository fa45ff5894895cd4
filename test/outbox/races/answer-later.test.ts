import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { createAcceptReply, createReplyCallbacks } from '../../../src/outbox/reply-callback.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createLanes, type Lanes } from '../../support/lanes.js';

let database: TestDatabase;
let lanes: Lanes;

beforeAll(async () => {
  database = await createTestDatabase();
  lanes = createLanes(database.pool);
});

afterAll(() => database.drop());

const source = 'https://back-end.example/reply';
const inTenMinutes = () => new Date(Date.now() + 600_000);

/** A message whose back end was given a token. */
async function ask(openid: string, expiresAt = inTenMinutes()) {
  const pool = database.pool as unknown as Pool;
  const messageId = await lanes.say(openid);
  const worker = await lanes.worker();
  const lane = await worker.take(openid);
  const callbacks = createReplyCallbacks(pool);
  const tokenHash = randomBytes(32);
  const issued = { tokenHash, appId: lanes.appId, openid, messageId, source, expiresAt };
  expect(await callbacks.issue([issued])).toEqual([true]);
  const accept = (text: string) =>
    createAcceptReply(pool)(tokenHash, Buffer.alloc(32, text), { value: text });
  return { worker, lane, callbacks, issued, tokenHash, messageId, accept };
}

const accepted = { result: 'accepted', appId: 'wx-lanes' };

test('an answer that comes while the lane is about to be given back is not slept through', async () => {
  const { worker, lane, callbacks, tokenHash, messageId, accept } = await ask('held');
  expect(await callbacks.awaitReply(tokenHash)).toBeUndefined();
  expect(await accept('now')).toMatchObject(accepted);
  expect(await worker.release(lane, { delayMs: 600_000 })).toBe(true);
  const [row] = await lanes.lanesOf('held');
  expect(row?.due_at.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
  // It is there for whoever takes the lane next.
  await worker.take('held');
  expect(await callbacks.lookAt(messageId, source)).toEqual({ state: 'answered', answer: 'now' });
});

test('an answer that comes when the lane was given back makes it due', async () => {
  const { worker, lane, callbacks, tokenHash, accept } = await ask('free');
  await callbacks.awaitReply(tokenHash);
  await worker.release(lane, { delayMs: 600_000 });
  expect(await worker.claim('free')).toEqual([]);
  const before = await database.rows<{ jobs: number }>(
    'select count(*)::int as jobs from graphile_worker.jobs',
  );
  expect(await accept('now')).toMatchObject(accepted);
  const after = await database.rows<{ jobs: number }>(
    'select count(*)::int as jobs from graphile_worker.jobs',
  );
  expect((after[0]?.jobs ?? 0) - (before[0]?.jobs ?? 0)).toBe(1);
  await worker.take('free');
});

test('a lane that nobody answered stays away as long as it was told to', async () => {
  const { worker, lane, callbacks, tokenHash } = await ask('quiet');
  await callbacks.awaitReply(tokenHash);
  await worker.release(lane, { delayMs: 600_000 });
  expect(await worker.claim('quiet')).toEqual([]);
});

test('of answers that come at once one is accepted', async () => {
  const { accept } = await ask('two');
  const results = await Promise.all(['a', 'b', 'c', 'd'].map(accept));
  expect(results.map(({ result }) => result).sort()).toEqual([
    'accepted',
    'conflict',
    'conflict',
    'conflict',
  ]);
});

test('an answer that is being stored is waited for by who would give it up', async () => {
  const { callbacks, messageId, tokenHash } = await ask('late', new Date(Date.now() + 400));
  await callbacks.awaitReply(tokenHash);
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    const storing = createAcceptReply(client as unknown as Pool)(tokenHash, Buffer.alloc(32, 1), {
      value: 'in time',
    });
    expect(await storing).toMatchObject(accepted);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const looking = callbacks.lookAt(messageId, source);
    await client.query('commit');
    expect(await looking).toEqual({ state: 'answered', answer: 'in time' });
  } finally {
    client.release();
  }
});

test('what was given up is not answered any more, and a second token of the message is as good as the first', async () => {
  const { callbacks, messageId, accept } = await ask('over', new Date(Date.now() - 1));
  expect(await callbacks.lookAt(messageId, source)).toEqual({ state: 'none' });
  expect(await accept('late')).toMatchObject({ result: 'expired' });
  const again = await ask('again');
  const tokenHash = randomBytes(32);
  expect(await again.callbacks.issue([{ ...again.issued, tokenHash }])).toEqual([false]);
  await again.callbacks.issueAnother({ ...again.issued, tokenHash });
  expect(await again.accept('by the first')).toMatchObject(accepted);
  const pool = database.pool as unknown as Pool;
  expect(await createAcceptReply(pool)(tokenHash, Buffer.alloc(32, 9), { value: 'other' })).toMatchObject({
    result: 'conflict',
  });
});

test('a message that an agent or an operator closed takes no answer', async () => {
  const { worker, lane, accept } = await ask('closed');
  await worker.settle(lane);
  expect(await accept('late')).toMatchObject({ result: 'expired' });
});
