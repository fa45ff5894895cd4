import { expect, test } from 'vitest';
import { refused, sent } from '../../support/lanes.js';
import { textMessage } from '../../support/messages.js';
import { newUser, useRaces } from '../../support/races.js';

/** A lane is to go while more comes for it. */
const races = useRaces();

async function heldMessages(count = 1) {
  const openid = newUser();
  for (let n = 0; n < count; n += 1) await races().lanes.say(openid, `message ${n + 1}`);
  const worker = await races().lanes.worker();
  return { openid, worker, lane: await worker.take(openid) };
}

async function twoConnections() {
  return { one: await races().connect(), two: await races().connect() };
}

test('a push that waits for the lane to go makes a new one, in which it alone is found', async () => {
  const { openid, worker, lane } = await heldMessages();
  const { one, two } = await twoConnections();
  await races().clearJobs();
  await one.begin();
  expect(await worker.on(one.client).settle(lane)).toBe('gone');
  const push = await two.start(() => two.lanes.say(openid, 'second'));
  expect(push.waits).toBe(true);
  await one.commit();
  const second = await push.answer;
  const fresh = await races().laneOf(openid);
  expect(fresh.id).not.toBe(lane.laneId);
  expect(await races().rungFor()).toEqual([fresh.id]);
  expect(await worker.answer(openid)).toEqual([second]);
});

test('two pushes that wait for the lane to go share the new one, and are answered in the order of their commits', async () => {
  const { openid, worker, lane } = await heldMessages();
  const { one, two } = await twoConnections();
  const three = await races().connect();
  await one.begin();
  await worker.on(one.client).settle(lane);
  const pushes = [
    await two.start(() => two.lanes.say(openid, 'a')),
    await three.start(() => three.lanes.say(openid, 'b')),
  ];
  expect(pushes.map(({ waits }) => waits)).toEqual([true, true]);
  await one.commit();
  await Promise.all(pushes.map(({ answer }) => answer));
  expect(await races().laneOf(openid)).toMatchObject({ arrivals: '2', waiting: 2 });
  const open = await races().openOf(openid);
  expect(await worker.answer(openid)).toEqual(open);
});

test('a settlement that is rolled back leaves the lane to the push that waited for it', async () => {
  const { openid, worker, lane } = await heldMessages();
  const { one, two } = await twoConnections();
  await one.begin();
  await worker.on(one.client).settle(lane);
  const push = await two.start(() => two.lanes.say(openid, 'second'));
  await one.rollback();
  const second = await push.answer;
  expect(await worker.settle(lane)).toBe('kept');
  expect((await worker.look(lane))?.message?.id).toBe(second);
  expect(await races().lostOf(openid)).toEqual([]);
});

test('a settlement waits for a push: it keeps the lane if that commits, else the lane goes', async () => {
  for (const end of ['commit', 'rollback'] as const) {
    const { openid, worker, lane } = await heldMessages();
    const { one, two } = await twoConnections();
    await one.begin();
    await one.lanes.say(openid, 'second');
    const settlement = await two.start(() => worker.on(two.client).settle(lane));
    expect(settlement.waits).toBe(true);
    await one[end]();
    expect(await settlement.answer).toBe(end === 'commit' ? 'kept' : 'gone');
    expect(await races().lanes.lanesOf(openid)).toHaveLength(end === 'commit' ? 1 : 0);
    expect(await races().lostOf(openid)).toEqual([]);
  }
});

test('a duplicate keeps the lane, and the next look finds that there is nothing', async () => {
  const openid = newUser();
  const message = textMessage({ openid });
  await races().lanes.arrive(message);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  const { one, two } = await twoConnections();
  await one.begin();
  expect(await one.lanes.arrive(message)).toEqual(['duplicate']);
  const settlement = await two.start(() => worker.on(two.client).settle(lane));
  expect(settlement.waits).toBe(true);
  await one.commit();
  expect(await settlement.answer).toBe('kept');
  const next = await worker.look(lane);
  expect(next).toMatchObject({ message: undefined, nextReceivedAt: undefined });
  if (next) expect(await worker.settle(next)).toBe('gone');
});

test('a duplicate that waits for its original to be settled makes a lane that is dropped', async () => {
  const openid = newUser();
  const message = textMessage({ openid });
  await races().lanes.arrive(message);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  const { one, two } = await twoConnections();
  await one.begin();
  await worker.on(one.client).settle(lane);
  const again = await two.start(() => two.lanes.arrive(message));
  expect(again.waits).toBe(true);
  await one.commit();
  expect(await again.answer).toEqual(['duplicate']);
  expect(await worker.answer(openid)).toEqual([]);
  expect(await races().lanes.lanesOf(openid)).toEqual([]);
});

test('an empty lane is kept when a push comes between the look and its end, in both orders', async () => {
  for (const isWaiting of [true, false]) {
    const openid = newUser();
    const message = textMessage({ openid });
    const worker = await races().lanes.worker();
    await races().lanes.arrive(message);
    await worker.answer(openid);
    await races().lanes.arrive(message);
    const empty = await worker.take(openid);
    expect(empty.message).toBeUndefined();
    const { one, two } = await twoConnections();
    await one.begin();
    let second: string;
    if (isWaiting) {
      second = await one.lanes.say(openid);
      const drop = await two.start(() => worker.on(two.client).settle(empty));
      expect(drop.waits).toBe(true);
      await one.commit();
      expect(await drop.answer).toBe('kept');
      expect((await worker.look(empty))?.message?.id).toBe(second);
    } else {
      expect(await worker.on(one.client).settle(empty)).toBe('gone');
      const push = await two.start(() => two.lanes.say(openid));
      expect(push.waits).toBe(true);
      await one.commit();
      second = await push.answer;
      expect(await worker.answer(openid)).toEqual([second]);
    }
    expect(await races().lostOf(openid)).toEqual([]);
  }
});

test('a settlement that comes late, or twice, changes nothing: the cursor never falls', async () => {
  const { openid, worker, lane } = await heldMessages(3);
  const [first, , third] = await races().openOf(openid);
  await worker.settle(lane);
  const second = await worker.look(lane);
  if (!second) throw new Error('the lane is not held');
  await worker.settle(second);
  const before = await races().laneOf(openid);
  expect(await worker.settle(lane)).toBe('refused');
  expect(await worker.settle(second)).toBe('refused');
  expect(await races().laneOf(openid)).toEqual(before);
  expect(lane.message?.id).toBe(first);
  expect((await worker.look(lane))?.message?.id).toBe(third);
});

test('a message is not settled by the end of an attempt that is not its latest', async () => {
  const { openid, worker, lane } = await heldMessages();
  const [reply] = (await worker.plan(lane, 'one')) ?? [];
  if (!reply) throw new Error('nothing was planned');
  await worker.begin(lane, reply.id, 2);
  expect(await worker.settle(lane, { end: sent(reply) })).toBe('refused');
  expect(await races().openOf(openid)).toEqual([lane.message?.id]);
  expect((await worker.look(lane))?.message?.deliveries).toMatchObject([{ attempts: 2 }]);
  expect(await worker.settle(lane, { end: sent({ ...reply, attempts: 2 }) })).toBe('gone');
});

test('what would fail for the same reason ends with the delivery that failed, and with nothing else', async () => {
  const { openid, worker, lane } = await heldMessages(2);
  const [reply] = (await worker.plan(lane, 'one', 'two', 'three')) ?? [];
  if (!reply) throw new Error('nothing was planned');
  const rest = { status: 'failed', errcode: 45002, errmsg: 'too long' } as const;
  expect(await worker.settle(lane, { end: refused(reply), rest })).toBe('kept');
  const statuses = await races().database.rows<{ status: string }>(
    'select status from wechat.delivery where openid = $1',
    [openid],
  );
  expect(statuses.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
  expect((await worker.look(lane))?.message).toMatchObject({ isPlanned: false });
});
