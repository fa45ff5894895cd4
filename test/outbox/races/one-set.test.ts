import { expect, test } from 'vitest';
import { createBegin } from '../../../src/outbox/begin.js';
import { createEnd } from '../../../src/outbox/end.js';
import type { HeldLane } from '../../../src/outbox/lane.js';
import { createLook } from '../../../src/outbox/look.js';
import { createPlanner } from '../../../src/outbox/plan.js';
import { createRelease } from '../../../src/outbox/release.js';
import { createSettle } from '../../../src/outbox/settle.js';
import { sent } from '../../support/lanes.js';
import { newUser, type Races, useRaces } from '../../support/races.js';

/**
 * A process that stood still is declared dead, goes on, and takes up under a new claim the lane that it thinks it holds under
 * the old one. Statements of both claims can then meet in one set: the fence must hold inside of a set, too.
 */
const races = useRaces();

async function holdTwice({
  lanes,
  database,
}: Races): Promise<{ old: HeldLane; now: HeldLane; openid: string }> {
  const openid = newUser();
  await lanes.say(openid);
  const worker = await lanes.worker();
  const old = await worker.take(openid);
  await database.pool.query(
    'update wechat.lane set claim = null, worker_id = null, claimed_at = null where id = $1',
    [old.laneId],
  );
  return { old, now: await worker.take(openid), openid };
}

const payloads = (...texts: string[]) =>
  texts.map((content) => ({ msgtype: 'text', text: { content } }) as const);

test('a look under an old claim does not get the lane that is held under a new one', async () => {
  const { old, now } = await holdTwice(races());
  const [byOld, byNew] = await createLook(races().pool)([old, now]);
  expect(byOld).toBeUndefined();
  expect(byNew?.claim).toBe(now.claim);
});

test('a plan under an old claim is lost, and nothing of it is stored', async () => {
  const { old, now } = await holdTwice(races());
  const messageId = old.message?.id ?? '';
  const [byOld, byNew] = await createPlanner(races().pool)([
    { ...old, messageId, payloads: payloads('old 1', 'old 2'), beginsFirst: true },
    { ...now, messageId, payloads: payloads('new'), beginsFirst: true },
  ]);
  expect(byOld).toEqual({ kind: 'lost' });
  expect(byNew?.kind).toBe('planned');
  expect(
    await races().database.rows('select payload from wechat.delivery where message_id = $1', [messageId]),
  ).toEqual([{ payload: payloads('new')[0] }]);
});

test('of two that begin the same attempt, the one under the old claim may not', async () => {
  const { old, now, openid } = await holdTwice(races());
  const { lanes, pool } = races();
  const worker = await lanes.worker();
  const [, second] = (await worker.plan(now, 'one', 'two')) ?? [];
  expect(openid).toBe(now.openid);
  const attempt = { deliveryId: second?.id ?? '', attempt: 1 };
  expect(
    await createBegin(pool).begin([
      { ...old, ...attempt },
      { ...now, ...attempt },
    ]),
  ).toEqual([false, true]);
});

test("an end without a call, under an old claim, does nothing and is not taken for the lane holder's", async () => {
  const { old, now } = await holdTwice(races());
  const { lanes, pool, database } = races();
  const worker = await lanes.worker();
  const [first, second] = (await worker.plan(now, 'one', 'two')) ?? [];
  if (!first || !second) throw new Error('nothing was planned');
  const noToken = {
    ...sent({ ...second, attempts: 0 }),
    attempt: 0,
    call: undefined,
    status: 'failed',
  } as const;
  const firstSent = sent(first);
  expect(
    await createEnd(pool)([
      { ...old, ...noToken },
      { ...now, ...firstSent },
    ]),
  ).toEqual([false, true]);
  expect(
    await database.rows('select status from wechat.delivery where id = any($1) order by position', [
      [first.id, second.id],
    ]),
  ).toEqual([{ status: 'sent' }, { status: 'pending' }]);
});

test('a settlement under an old claim is refused and touches none of the deliveries', async () => {
  const { old, now } = await holdTwice(races());
  const { lanes, pool, database } = races();
  const worker = await lanes.worker();
  const [first, second] = (await worker.plan(now, 'one', 'two')) ?? [];
  if (!first || !second) throw new Error('nothing was planned');
  const results = await createSettle(pool)([
    {
      lane: old,
      status: 'failed',
      end: { ...sent(first), status: 'failed' },
      rest: { status: 'failed', errcode: 1, errmsg: 'of the old claim' },
    },
    { lane: { ...now, message: undefined }, status: 'settled' },
  ]);
  expect(results[0]).toBe('refused');
  const [message] = await database.rows('select status from wechat.inbound_message where id = $1', [
    now.message?.id,
  ]);
  expect(message).toEqual({ status: 'received' });
  const deliveries = await database.rows<{ status: string }>(
    'select status from wechat.delivery where message_id = $1 order by position',
    [now.message?.id],
  );
  expect(deliveries[1]).toEqual({ status: 'pending' });
});

test('a release under an old claim gives nothing back, whoever gives back the lane with it', async () => {
  const { old, now } = await holdTwice(races());
  expect(
    await createRelease(races().pool)([
      { ...old, delayMs: 60_000, failure: 'of the old claim' },
      { ...now, delayMs: 0 },
    ]),
  ).toEqual([false, true]);
});
