import { expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { type ClaimResult, createClaim } from '../../../src/outbox/claim.js';
import type { HeldLane } from '../../../src/outbox/lane.js';
import { createLook } from '../../../src/outbox/look.js';
import { createLanes, type LaneWorker, type Queryable } from '../../support/lanes.js';
import { textMessage } from '../../support/messages.js';
import { closeGate, newUser, rewriting, useRaces } from '../../support/races.js';

/** Workers that hear of a lane at the same time, while it is being stored to, or while it changes hands. */
const races = useRaces();

const nothing: ClaimResult = { held: [], busy: [] };

/** A lane of a new user with so many messages, and who may claim it. */
async function laneOf(messages = 1) {
  const openid = newUser();
  for (let n = 0; n < messages; n += 1) await races().lanes.say(openid);
  const { id } = await races().laneOf(openid);
  const worker = await races().lanes.worker();
  let claims = 0;
  return {
    openid,
    id,
    worker,
    claim(through: Queryable = races().pool, by: LaneWorker = worker): Promise<ClaimResult> {
      claims += 1;
      return createClaim(through as Pool).claim([id], by.id, `${id}${by.id}${claims}`);
    },
  };
}

async function lookAt(laneId: string): Promise<HeldLane | undefined> {
  const [row] = await races().database.rows<{ claim: string }>(
    'select claim from wechat.lane where id = $1',
    [laneId],
  );
  return (await createLook(races().pool)([{ laneId, claim: row?.claim ?? '0' }]))[0];
}

test('a claim does not wait for a push that is being stored, and asks again whether that is rolled back or not', async () => {
  for (const end of ['commit', 'rollback'] as const) {
    const { openid, id, claim } = await laneOf();
    const arriving = await races().connect();
    await arriving.begin();
    await arriving.lanes.say(openid, 'second');
    expect(await claim()).toEqual({ held: [], busy: [id] });
    await arriving[end]();
    expect(await claim()).toEqual({ held: [id], busy: [] });
    const lane = await lookAt(id);
    expect(lane?.nextReceivedAt !== undefined).toBe(end === 'commit');
  }
});

test('a push waits for a claim that is to commit; it rings for nobody, and the worker sees it before the lane goes', async () => {
  const { openid, id, worker, claim } = await laneOf();
  const [claiming, arriving] = [await races().connect(), await races().connect()];
  await races().clearJobs();
  await claiming.begin();
  await claim(claiming.client);
  const push = await arriving.start(() => arriving.lanes.say(openid, 'second'));
  expect(push.waits).toBe(true);
  await claiming.commit();
  const second = await push.answer;
  expect(await races().rungFor()).toEqual([]);
  const lane = await lookAt(id);
  if (!lane) throw new Error('the lane is not held');
  expect(await worker.settle(lane)).toBe('kept');
  expect((await worker.look(lane))?.message?.id).toBe(second);
});

test('of two claims one takes the lane, whichever commits', async () => {
  for (const end of ['commit', 'rollback'] as const) {
    const { id, claim } = await laneOf();
    const first = await races().connect();
    const other = await races().lanes.worker();
    await first.begin();
    expect((await claim(first.client)).held).toEqual([id]);
    expect(await claim(races().pool, other)).toEqual({ held: [], busy: [id] });
    await first[end]();
    expect(await claim(races().pool, other)).toEqual(end === 'commit' ? nothing : { held: [id], busy: [] });
  }
});

test('many workers that hear of the same lanes share them, and each lane is taken by one', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 20; n += 1) ids.push((await laneOf()).id);
  const claims = Array.from({ length: 6 }, async (_, n) => {
    const worker = await races().lanes.worker();
    const { client } = await races().connect();
    return createClaim(client as Pool).claim(n % 2 ? ids : ids.toReversed(), worker.id, `9999${n}`);
  });
  const held = (await Promise.all(claims)).flatMap((result) => result.held);
  expect(held.toSorted()).toEqual(ids.toSorted());
});

test('two messages of a user, stored the wrong way round, are never in two hands', async () => {
  const openid = newUser();
  const [x, y, t1] = [await races().connect(), await races().connect(), await races().connect()];
  const [first, second] = [await races().lanes.worker(), await races().lanes.worker()];
  await x.begin();
  await x.lanes.say(openid, 'message 1');
  // The later message would be committed first, were it not to wait for the lane.
  const later = await y.start(() => y.lanes.say(openid, 'message 2'));
  expect(later.waits).toBe(true);
  await t1.begin();
  expect(await first.on(t1.client).claim(openid)).toEqual([]);
  await x.commit();
  await later.answer;
  const [lane] = await first.on(t1.client).claim(openid);
  expect(await second.claim(openid)).toEqual([]);
  await t1.commit();
  expect(await second.claim(openid)).toEqual([]);
  expect(lane?.message?.fields).toMatchObject({ Content: 'message 1' });
});

test('without order, both messages are in hand, each in a lane of its own', async () => {
  const openid = newUser();
  const lanes = createLanes(races().pool, { appId: 'wx-unordered', ordered: false });
  await lanes.arrive(textMessage({ openid }), textMessage({ openid }));
  const [one, two] = [await lanes.worker(), await lanes.worker()];
  const [laneOfOne, laneOfTwo] = await one.claim(openid);
  if (!laneOfOne || !laneOfTwo) throw new Error('two lanes were to be had');
  expect(laneOfOne.message?.id).not.toBe(laneOfTwo.message?.id);
  expect([laneOfOne.nextReceivedAt, laneOfTwo.nextReceivedAt]).toEqual([undefined, undefined]);
  expect(await two.claim(openid)).toEqual([]);
  expect(await one.settle(laneOfTwo)).toBe('gone');
  expect(await one.settle(laneOfOne)).toBe('gone');
});

/** By the claim's clock, which stands at the start of its statement. */
const dueLongAgo = { delayMs: -60_000 };

/** What another worker does with the lane between the snapshot of a claim and its lock; and what the claim finds. */
const changes: {
  name: string;
  meanwhile: (other: LaneWorker, openid: string) => Promise<unknown>;
  isTaken: boolean;
  isBusy?: boolean;
  expects?: (lane: HeldLane | undefined) => void;
}[] = [
  {
    name: 'it was planned and given back: the stored result is found, and the logic does not run again',
    async meanwhile(other, openid) {
      const lane = await other.take(openid);
      await other.plan(lane, 'one');
      await other.release(lane, dueLongAgo);
    },
    isTaken: true,
    expects: (lane) =>
      expect(lane?.message).toMatchObject({ isPlanned: true, deliveries: [{ attempts: 1 }] }),
  },
  {
    name: 'its first message was settled: the second is found',
    async meanwhile(other, openid) {
      const lane = await other.take(openid);
      await other.settle(lane);
      await other.release(lane, dueLongAgo);
    },
    isTaken: true,
    expects: (lane) => expect(lane).toMatchObject({ nextReceivedAt: undefined, doneId: expect.anything() }),
  },
  {
    name: 'more has come: it is seen',
    meanwhile: (_, openid) => races().lanes.say(openid),
    isTaken: true,
    expects: (lane) => expect(lane).toMatchObject({ arrivals: '3' }),
  },
  {
    name: 'it is held: it stays with its holder',
    meanwhile: (other, openid) => other.take(openid),
    isTaken: false,
  },
  {
    name: 'it was given back for later: it is left, and has a job of its own',
    meanwhile: async (other, openid) => other.release(await other.take(openid), { delayMs: 60_000 }),
    isTaken: false,
  },
  {
    name: 'it was given back, due only since: it is asked for again',
    meanwhile: async (other, openid) => other.release(await other.take(openid), { delayMs: 1 }),
    isTaken: false,
    isBusy: true,
  },
  { name: 'it is gone', meanwhile: (other, openid) => other.answer(openid), isTaken: false },
  {
    name: 'it is gone, and there is a new one of the same user, which has a job of its own',
    async meanwhile(other, openid) {
      await other.answer(openid);
      await races().lanes.say(openid);
    },
    isTaken: false,
  },
];

test.each(changes)(
  'behind the snapshot of a claim: $name',
  async ({ meanwhile, isTaken, isBusy = false, expects }) => {
    const { openid, id, claim } = await laneOf(2);
    const other = await races().lanes.worker();
    const slow = await races().connect();
    const gate = await closeGate(races());
    const gated = rewriting(slow.client, [
      'where l.id = any($1::bigint[])\n      and',
      'where (select public.race_gate()) and l.id = any($1::bigint[])\n      and',
    ]);
    const claiming = await slow.start(() => claim(gated));
    expect(claiming.waits).toBe(true);
    await meanwhile(other, openid);
    await gate.open();
    expect(await claiming.answer).toEqual({ held: isTaken ? [id] : [], busy: isBusy ? [id] : [] });
    if (isTaken) expects?.(await lookAt(id));
  },
);
