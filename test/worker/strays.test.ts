import { expect, test } from 'vitest';
import { heldBy } from '../../src/outbox/reconcile.js';
import { createRelease } from '../../src/outbox/release.js';
import { returnStrays } from '../../src/worker/strays.js';
import { newUser, useRaces } from '../support/races.js';

const races = useRaces();

/** A worker that claimed two lanes a while ago. */
async function holdTwo() {
  const { lanes, pool, database } = races();
  const worker = await lanes.worker();
  const [lost, known] = [newUser(), newUser()];
  await lanes.say(lost);
  await lanes.say(known);
  const held = { lost: await worker.take(lost), known: await worker.take(known) };
  await database.pool.query(`update wechat.lane set claimed_at = claimed_at - interval '1 minute'`);
  const release = createRelease(pool);
  return {
    worker,
    held,
    dependencies: {
      heldBy: (workerId: number, seconds: number) => heldBy(pool, workerId, seconds),
      workerId: () => worker.id,
      isInHand: ({ laneId }: { laneId: string }) => laneId === held.known.laneId,
      release: async (hold: { laneId: string; claim: string }) => release([{ ...hold, delayMs: 0 }]),
    },
    free: async () => {
      const rows = await database.rows<{ id: string }>(
        'select id from wechat.lane where claim is null order by id',
      );
      return rows.map(({ id }) => id);
    },
  };
}

test('a lane that nobody knows of is given back and rung for, one that is in hand is not', async () => {
  const { held, dependencies, free } = await holdTwo();
  await races().clearJobs();
  expect(await returnStrays(dependencies)).toBe(1);
  expect(await free()).toEqual([held.lost.laneId]);
  expect(await races().rungFor()).toEqual([held.lost.laneId]);
  expect(await returnStrays(dependencies)).toBe(0);
});

test('a claim whose answer may still come is no stray', async () => {
  const { dependencies } = await holdTwo();
  await races().database.pool.query('update wechat.lane set claimed_at = now() where claim is not null');
  expect(await returnStrays({ ...dependencies, isInHand: () => false })).toBe(0);
});

test('a lane that was given back, or went, while Postgres was asked stays as it is', async () => {
  const { worker, held, dependencies } = await holdTwo();
  const answer = await dependencies.heldBy(worker.id, 30);
  await worker.settle(held.known);
  await worker.release(held.lost);
  const other = await races().lanes.worker();
  const taken = await other.take(held.lost.openid);
  expect(await returnStrays({ ...dependencies, heldBy: async () => answer, isInHand: () => false })).toBe(2);
  expect((await races().laneOf(held.lost.openid)).claim).toBe(taken.claim);
});
