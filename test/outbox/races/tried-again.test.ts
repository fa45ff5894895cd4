import { expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { createClaim } from '../../../src/outbox/claim.js';
import { createLanes, type Queryable, sent } from '../../support/lanes.js';
import { textMessage } from '../../support/messages.js';
import { newUser, useRaces } from '../../support/races.js';

/**
 * A connection breaks, Postgres goes on with its statement, and the client tries again on another connection: both tries run at
 * the same time. Whatever the second finds, the worker must know in the end what is true.
 */
const races = useRaces();

async function twoConnections() {
  return { first: await races().connect(), second: await races().connect() };
}

test('arrive: the second waits, stores nothing, and is acknowledged when the first is durable', async () => {
  const { first, second } = await twoConnections();
  const openid = newUser();
  const message = textMessage({ openid });
  await first.begin();
  await first.lanes.arrive(message);
  const again = await second.start(() => second.lanes.arrive(message));
  expect(again.waits).toBe(true);
  await first.commit();
  expect(await again.answer).toEqual(['duplicate']);
  const worker = await races().lanes.worker();
  expect(await worker.answer(openid)).toHaveLength(1);
  expect(await races().lanes.lanesOf(openid)).toEqual([]);
});

test('claim: the second finds what the first took, also where that commits behind its back', async () => {
  const { first, second } = await twoConnections();
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const { id } = await races().laneOf(openid);
  await first.begin();
  await createClaim(first.client as Pool).claim([id], worker.id, '4711');
  // Between its two statements.
  const committing: Queryable = {
    query: async (...values: unknown[]) => {
      const isBusy = JSON.stringify(values).includes('"busy"');
      if (isBusy) await first.commit();
      return (second.client.query as (...all: unknown[]) => unknown)(...values);
    },
  } as Queryable;
  const again = await createClaim(committing as Pool).claim([id], worker.id, '4711');
  expect(again).toEqual({ held: [id], busy: [] });
});

test('claim: while the first is not through, the second calls the lane busy', async () => {
  const { first, second } = await twoConnections();
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const { id } = await races().laneOf(openid);
  await first.begin();
  await createClaim(first.client as Pool).claim([id], worker.id, '4712');
  const again = () => createClaim(second.client as Pool).claim([id], worker.id, '4712');
  expect(await again()).toEqual({ held: [], busy: [id] });
  await first.commit();
  expect(await again()).toEqual({ held: [id], busy: [] });
});

test('plan: the second waits and finds the deliveries of the first', async () => {
  const { first, second } = await twoConnections();
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  await first.begin();
  const planned = await worker.on(first.client).plan(lane, 'one', 'two');
  const again = await second.start(() => worker.on(second.client).plan(lane, 'one', 'two'));
  expect(again.waits).toBe(true);
  await first.commit();
  expect(planned).toHaveLength(2);
  expect(await again.answer).toEqual(planned);
});

test('begin: the second waits and may go on', async () => {
  const { first, second } = await twoConnections();
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  const [, reply] = (await worker.plan(lane, 'one', 'two')) ?? [];
  await first.begin();
  await worker.on(first.client).begin(lane, reply?.id ?? '', 1);
  const again = await second.start(() => worker.on(second.client).begin(lane, reply?.id ?? '', 1));
  expect(again.waits).toBe(true);
  await first.commit();
  expect(await again.answer).toBe(true);
  expect(
    await races().database.rows('select status, attempts from wechat.delivery where id = $1', [reply?.id]),
  ).toEqual([{ status: 'sending', attempts: 1 }]);
});

test('settle: the second changes nothing, whether the lane went or was kept', async () => {
  for (const messages of [1, 2]) {
    const { first, second } = await twoConnections();
    const openid = newUser();
    for (let n = 0; n < messages; n += 1) await races().lanes.say(openid);
    const worker = await races().lanes.worker();
    const lane = await worker.take(openid);
    const [reply] = (await worker.plan(lane, 'one')) ?? [];
    if (!reply) throw new Error('nothing was planned');
    const end = sent(reply);
    await first.begin();
    await worker.on(first.client).settle(lane, { end });
    const again = await second.start(() => worker.on(second.client).settle(lane, { end }));
    expect(again.waits).toBe(true);
    await first.commit();
    expect(await again.answer).toBe('refused');
    const next = await worker.look(lane);
    expect(next?.message?.id).toBe((await races().openOf(openid))[0]);
    expect(await races().lanes.lanesOf(openid)).toHaveLength(messages - 1);
    if (next) expect(next.doneId).toBe(lane.message?.id);
  }
});

test('release: the second gives nothing back, and the lane has one job', async () => {
  const { first, second } = await twoConnections();
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  await races().clearJobs();
  await first.begin();
  await worker.on(first.client).release(lane, { failure: 'no' });
  const again = await second.start(() => worker.on(second.client).release(lane, { failure: 'no' }));
  expect(again.waits).toBe(true);
  await first.commit();
  expect(await again.answer).toBe(false);
  expect(await races().laneOf(openid)).toMatchObject({ failures: 1, claim: null });
  expect(await races().rungFor()).toEqual([lane.laneId]);
});

test('a release that is repeated late does not end the next claim of the same worker', async () => {
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await createLanes(races().pool).worker();
  const lane = await worker.take(openid);
  expect(await worker.release(lane)).toBe(true);
  const next = await worker.take(openid);
  expect(await worker.release(lane)).toBe(false);
  expect((await races().laneOf(openid)).claim).toBe(next.claim);
});
