import { expect, onTestFinished, test } from 'vitest';
import type { Hold } from '../../src/outbox/lane.js';
import { heldBy } from '../../src/outbox/reconcile.js';
import { createRelease } from '../../src/outbox/release.js';
import type { Replies } from '../../src/replies/router.js';
import { returnStrays } from '../../src/worker/strays.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createLanes } from '../support/lanes.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const claimed = ({ rows }: TestDatabase) =>
  rows<{ openid: string }>('select openid from wechat.lane where claim is not null order by id').then(
    (lanes) => lanes.map(({ openid }) => openid),
  );

test('what a worker lost track of is given back; what it has in hand is not, nor what it may still hear of', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const lanes = createLanes(pool);
  const [worker, another] = [await lanes.worker(), await lanes.worker()];
  for (const openid of ['oLost', 'oInHand', 'oAnother', 'oFresh']) await lanes.say(openid);
  await worker.take('oLost');
  const inHand = await worker.take('oInHand');
  await another.take('oAnother');
  await pool.query(
    `update wechat.lane set claimed_at = now() - interval '31 seconds' where claim is not null`,
  );
  await worker.take('oFresh');
  const release = createRelease(pool);
  const returned = await returnStrays({
    heldBy: (workerId, seconds) => heldBy(pool, workerId, seconds),
    workerId: () => worker.id,
    isInHand: ({ claim }: Hold) => claim === inHand.claim,
    release: (hold) => release([{ ...hold, delayMs: 0 }]),
  });
  expect(returned).toBe(1);
  expect(await claimed(database)).toEqual(['oInHand', 'oAnother', 'oFresh']);
  // Whoever comes may have it.
  expect(await another.answer('oLost')).toHaveLength(1);
});

test('a lane that the service holds without knowing is answered after a while, and one in hand is left alone', {
  timeout: 90_000,
}, async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  await simulator.user('oLost').say('hello');
  // As if the worker that starts next had claimed it, and never got the answer.
  await database.pool.query(
    `update wechat.lane set claim = 7, worker_id = 1, claimed_at = now() - interval '1 minute'`,
  );
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let slowRuns = 0;
  const replies: Replies = async ({ message }) => {
    if (message.openid !== 'oSlow') return 'hello';
    slowRuns += 1;
    await held;
    return 'at last';
  };
  const worker = await start({
    role: 'worker',
    replies,
    settings: { REPLY_TIMEOUT: '80', RESCUE_AFTER: '2' },
  });
  expect(await database.rows('select id from wechat.worker_process')).toEqual([{ id: 1 }]);
  await simulator.user('oSlow').say('hello');
  await waitFor('the slow one in hand', () => slowRuns === 1);
  await database.pool.query(
    `update wechat.lane set claimed_at = now() - interval '1 minute' where openid = 'oSlow'`,
  );
  await simulator.waitForDelivered('oLost', 1, 60_000);
  expect(worker.logged.filter(({ event }) => event === 'strays_returned')).toMatchObject([{ lanes: 1 }]);
  letGo();
  await settled(database, 2);
  expect(slowRuns).toBe(1);
});
