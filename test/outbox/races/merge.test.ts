import { expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import type { HeldLane } from '../../../src/outbox/lane.js';
import { rescue } from '../../../src/outbox/rescue.js';
import { forget } from '../../support/forget.js';
import { createAgents } from '../../support/handover.js';
import type { LaneWorker, Queryable } from '../../support/lanes.js';
import { eventMessage, textMessage } from '../../support/messages.js';
import { newUser, rewriting, useRaces } from '../../support/races.js';

/** What a user sends in one go is answered at once: what belongs together, and who comes in between. */
const races = useRaces();

const withinMs = 3_000;

/** A user's messages, by how many seconds ago each came; a name makes an event of it. */
async function scene(...sent: readonly (number | readonly [event: string, secondsAgo: number])[]) {
  const { lanes, pool } = races();
  const openid = newUser();
  for (const [index, one] of sent.entries())
    await lanes.arrive(
      typeof one === 'number'
        ? textMessage({ openid, content: `message ${index}` })
        : eventMessage(one[0], { openid, eventKey: 'key' }),
    );
  const ids = await races().openOf(openid);
  for (const [index, one] of sent.entries())
    await pool.query(
      `update wechat.inbound_message set received_at = now() - $2 * interval '1 second' where id = $1`,
      [ids[index], typeof one === 'number' ? one : one[1]],
    );
  const worker = await lanes.worker();
  return { openid, ids, worker, lane: await worker.take(openid) };
}

/** Of each message of the user, with which one it is answered: its place, or nothing. */
async function mergedOf(openid: string): Promise<(number | undefined)[]> {
  const rows = await races().database.rows<{ id: string; merged_into: string | null }>(
    'select id, merged_into from wechat.inbound_message where openid = $1 order by id',
    [openid],
  );
  return rows.map(({ merged_into }) =>
    merged_into === null ? undefined : rows.findIndex(({ id }) => id === merged_into),
  );
}

async function twoConnections() {
  return { one: await races().connect(), two: await races().connect() };
}

const alone = undefined;

test('messages that came within the time are closed but the last, which is answered for all', async () => {
  const { openid, ids, worker, lane } = await scene(8, 6, 4);
  expect(await worker.merge(lane, withinMs)).toEqual({ kind: 'look' });
  expect(await mergedOf(openid)).toEqual([2, 2, alone]);
  expect(await races().openOf(openid)).toEqual(ids.slice(2));
  expect(await races().laneOf(openid)).toMatchObject({ waiting: 1 });
  const next = await worker.look(lane);
  expect(next?.message).toMatchObject({ id: ids[2], isGathered: true });
  expect(next?.message?.merged.map(({ Content }) => Content)).toEqual(['message 0', 'message 1']);
  expect(await worker.settle(next as HeldLane)).toBe('gone');
});

test.each([
  ['alone, if the next came later', [9, 5, 4], [alone, alone, alone]],
  ['with the next that came in time, and not with what came later', [12, 10, 5], [1, alone, alone]],
  [
    'after five times the time at the latest',
    [20, 17.5, 15, 12.5, 10, 7.5, 5.5, 4],
    [6, 6, 6, 6, 6, 6, alone, alone],
  ],
  ['without the event behind it', [5, ['CLICK', 4], 3], [alone, alone, alone]],
  ['with what came before the event', [6, 5, ['CLICK', 1], 0], [1, alone, alone, alone]],
] as const)('the first is answered %s', async (_, sent, expected) => {
  const { openid, worker, lane } = await scene(...sent);
  expect(await worker.merge(lane, withinMs)).toEqual({ kind: 'look' });
  expect(await mergedOf(openid)).toEqual(expected);
});

test.each([
  ['the last came just now', [2, 1], 2],
  ['the first came just now', [0], 3],
  ['it is nearly five times the time', [14.5, 12, 9.5, 7, 4.5, 2, 1], 0.5],
] as const)('while %s, the user is waited for', async (_, sent, seconds) => {
  const { openid, ids, worker, lane } = await scene(...sent);
  const result = await worker.merge(lane, withinMs);
  const forMs = result.kind === 'wait' ? result.forMs : 0;
  expect(forMs).toBeLessThanOrEqual(seconds * 1_000);
  expect(forMs).toBeGreaterThan(0);
  expect(await races().openOf(openid)).toEqual(ids);
  expect((await worker.look(lane))?.message).toMatchObject({ id: ids[0], isGathered: false });
});

test('what is decided stays so: a second try does nothing, and what comes later is answered by itself', async () => {
  const { openid, ids, worker, lane } = await scene(6, 4);
  await worker.merge(lane, withinMs);
  await worker.merge(lane, withinMs);
  await worker.release(lane, { failure: 'the logic failed' });
  await races().lanes.say(openid, 'later');
  const again = await worker.take(openid);
  expect(again.message).toMatchObject({ id: ids[1], isGathered: true });
  expect(await worker.merge(again, withinMs)).toEqual({ kind: 'look' });
  expect(await mergedOf(openid)).toEqual([1, alone, alone]);
});

test('one that stands alone is decided, too', async () => {
  const { openid, worker, lane } = await scene(4);
  await worker.merge(lane, withinMs);
  await worker.release(lane, { failure: 'the logic failed' });
  await races().lanes.say(openid, 'later');
  const again = await worker.take(openid);
  await worker.merge(again, withinMs);
  expect(await mergedOf(openid)).toEqual([alone, alone]);
});

test('one that has replies already is nobody else’s answer', async () => {
  const { openid, ids, worker, lane } = await scene(6, 5);
  await races().pool.query(
    `insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, origin, agent)
     values ($1, 1, $2, $3, 'text', '{}', 'agent', 'anna')`,
    [ids[1], lane.appId, openid],
  );
  await worker.merge(lane, withinMs);
  expect(await mergedOf(openid)).toEqual([alone, alone]);
});

test('those of a message that failed for good are with it when it runs again', async () => {
  const { openid, ids, worker, lane } = await scene(6, 4);
  await worker.merge(lane, withinMs);
  await worker.settle((await worker.look(lane)) as HeldLane, { status: 'failed', error: 'no' });
  await races().pool.query('select wechat.requeue_message($1, true)', [ids[1]]);
  const again = await worker.take(openid);
  expect(again.message).toMatchObject({ id: ids[1], isGathered: true, merged: [{ Content: 'message 0' }] });
});

test('a push that is still to commit is waited for, and belongs to it', async () => {
  const { openid, worker, lane } = await scene(5, 4);
  const { one, two } = await twoConnections();
  await one.begin();
  await one.lanes.say(openid, 'third');
  const merge = await two.start(() => worker.on(two.client).merge(lane, withinMs));
  expect(merge.waits).toBe(true);
  await one.commit();
  expect(await merge.answer).toEqual({ kind: 'look' });
  expect(await mergedOf(openid)).toEqual([alone, alone, alone]);
  await races().pool.query(
    `update wechat.inbound_message set received_at = now() - interval '3 seconds' where openid = $1 and content = 'third'`,
    [openid],
  );
  await worker.merge((await worker.look(lane)) as HeldLane, withinMs);
  expect(await mergedOf(openid)).toEqual([2, 2, alone]);
});

test('a push that waits for the merge is answered by itself', async () => {
  const { openid, ids, worker, lane } = await scene(6, 4);
  const { one, two } = await twoConnections();
  await one.begin();
  await worker.on(one.client).merge(lane, withinMs);
  const push = await two.start(() => two.lanes.say(openid, 'third'));
  expect(push.waits).toBe(true);
  await one.commit();
  await push.answer;
  await worker.release(lane);
  expect(await worker.answer(openid)).toEqual([ids[1], await push.answer]);
  expect(await mergedOf(openid)).toEqual([1, alone, alone]);
});

test('a message is merged into none that was given up behind the snapshot', async () => {
  const firstAfter = async (through: (one: Queryable) => Queryable) => {
    const { openid, ids, worker, lane } = await scene(6, 4);
    const { one, two } = await twoConnections();
    await one.begin();
    // The first is in hand, so the user is not forgotten yet, but what waits behind it is given up.
    await forgetOn(one.client, openid);
    const merge = await two.start(() => worker.on(through(two.client)).merge(lane, withinMs));
    expect(merge.waits).toBe(true);
    await one.commit();
    await merge.answer;
    return { isOpen: (await races().openOf(openid)).includes(ids[0] ?? ''), merged: await mergedOf(openid) };
  };
  expect(await firstAfter((one) => one)).toEqual({ isOpen: true, merged: [alone, alone] });
  // As it would go without the lock.
  const unlocked = await firstAfter((one) => rewriting(one, ['limit 101 for update', 'limit 101']));
  expect(unlocked.isOpen).toBe(false);
});

function forgetOn(client: Queryable, openid: string) {
  return (client as Pool).query('select * from wechat.forget($1, $2)', [races().lanes.appId, openid]);
}

test('a worker that lost the lane merges nothing', async () => {
  const { openid, ids, worker, lane } = await scene(6, 4);
  await races().bury(worker);
  const { one, two } = await twoConnections();
  await one.begin();
  await rescue(one.client as Pool, 60_000);
  const merge = await two.start(() => worker.on(two.client).merge(lane, withinMs));
  expect(merge.waits).toBe(true);
  await one.commit();
  expect(await merge.answer).toEqual({ kind: 'look' });
  expect(await races().openOf(openid)).toEqual(ids);
  const other = await races().lanes.worker();
  expect(await other.answer(openid)).toEqual(ids);
});

test('an earlier message that is requeued meanwhile comes first, by itself', async () => {
  const { worker, openid, lane, ids } = await failedAndTwoMore();
  const { one, two } = await twoConnections();
  await one.begin();
  await (one.client as Pool).query('select wechat.requeue_message($1, true)', [ids[0]]);
  const merge = await two.start(() => worker.on(two.client).merge(lane, withinMs));
  expect(merge.waits).toBe(true);
  await one.commit();
  await merge.answer;
  expect(await mergedOf(openid)).toEqual([alone, alone, alone]);
  const next = await worker.look(lane);
  expect(next?.message?.id).toBe(ids[0]);
});

async function failedAndTwoMore() {
  const { openid, worker, lane, ids } = await scene(60, 6, 4);
  await worker.merge(lane, withinMs);
  await worker.settle((await worker.look(lane)) as HeldLane, { status: 'failed', error: 'no' });
  // What it settled under a claim of its own is in hand as long as it has that.
  await worker.release(lane);
  return { openid, worker, ids, lane: await worker.take(openid) };
}

test('a takeover while it is gathered leaves all of it to the agent, who has seen none of it', async () => {
  const { openid, worker, lane, ids } = await scene(6, 4);
  await worker.merge(lane, withinMs);
  const agents = createAgents(races().pool, races().lanes.appId);
  expect(await agents.ask(openid, 'a question')).toBe('waiting');
  expect(await readUpTo(openid)).toBe(String(BigInt(ids[0] ?? '') - 1n));
  await agents.take(openid, 'anna');
  const next = await worker.look(lane);
  expect(next).toMatchObject({ isTaken: true, message: { id: ids[1] } });
  expect(await plan(worker, next as HeldLane)).toBeUndefined();
});

async function readUpTo(openid: string): Promise<string | undefined> {
  const rows = await races().database.rows<{ read_up_to: string }>(
    'select read_up_to from wechat.handover where openid = $1',
    [openid],
  );
  return rows[0]?.read_up_to;
}

const plan = (worker: LaneWorker, lane: HeldLane) => worker.plan(lane, 'too late');

test('who is forgotten is forgotten with what was merged', async () => {
  const { openid, worker, lane } = await scene(6, 4);
  await worker.merge(lane, withinMs);
  await worker.settle((await worker.look(lane)) as HeldLane);
  await forget(races().database, lane.appId, openid);
  expect(
    await races().database.rows('select from wechat.inbound_message where openid = $1', [openid]),
  ).toEqual([]);
});
