import { expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { createEntrust } from '../../../src/outbox/entrust.js';
import type { HeldLane } from '../../../src/outbox/lane.js';
import { createPlanner } from '../../../src/outbox/plan.js';
import type { SettleResult } from '../../../src/outbox/settle.js';
import { createAgents } from '../../support/handover.js';
import { type Queryable, refused, sent } from '../../support/lanes.js';
import { newUser, rewriting, useRaces } from '../../support/races.js';

/** An agent takes a conversation over while a worker has it in hand. */
const races = useRaces();

const agents = () => createAgents(races().pool, races().lanes.appId);

async function heldMessage() {
  const openid = newUser();
  const messageId = await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  return { openid, messageId, worker, lane: await worker.take(openid) };
}

async function twoConnections() {
  return { one: await races().connect(), two: await races().connect() };
}

async function entrust(connection: Queryable, lane: HeldLane): Promise<SettleResult | undefined> {
  return (await createEntrust(connection as Pool)([lane]))[0];
}

function deliveriesOf(openid: string) {
  return races().database.rows<{ id: string; status: string; origin: string }>(
    'select id, status, origin from wechat.delivery where openid = $1 order by message_id, position',
    [openid],
  );
}

async function statesOf(openid: string): Promise<string[]> {
  return (await deliveriesOf(openid)).map(({ status }) => status);
}

test('a takeover waits for a plan, and gives up what is planned and not begun', async () => {
  const { openid, worker, lane } = await heldMessage();
  const { one, two } = await twoConnections();
  await one.begin();
  await worker.on(one.client).plan(lane, 'one', 'two', 'three');
  const takeover = await two.start(() => agents().on(two.client).take(openid, 'anna'));
  expect(takeover.waits).toBe(true);
  await one.commit();
  expect(await takeover.answer).toMatchObject({ result: 'taken', held_by: 'anna' });
  expect(await statesOf(openid)).toEqual(['sending', 'cancelled', 'cancelled']);
});

test('a plan that waits for a takeover stores nothing, and the message is left to the agent', async () => {
  const { openid, messageId, worker, lane } = await heldMessage();
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).take(openid, 'anna');
  const plan = await two.start(() => worker.on(two.client).plan(lane, 'hello'));
  expect(plan.waits).toBe(true);
  await one.commit();
  expect(await plan.answer).toBeUndefined();
  const next = await worker.look(lane);
  expect(next).toMatchObject({ isTaken: true, isHushed: true, message: { id: messageId, isPlanned: false } });
  if (next) expect(await entrust(races().pool, next)).toBe('gone');
  expect(await deliveriesOf(openid)).toEqual([]);
  expect(
    await races().database.rows('select status, for_agent from wechat.inbound_message where id = $1', [
      messageId,
    ]),
  ).toEqual([{ status: 'settled', for_agent: true }]);
});

test('a takeover that is rolled back lets the plan through', async () => {
  const { openid, worker, lane } = await heldMessage();
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).take(openid, 'anna');
  const plan = await two.start(() => worker.on(two.client).plan(lane, 'hello'));
  await one.rollback();
  expect(await plan.answer).toHaveLength(1);
});

test('the reply of a logic that runs during a takeover is let out where the agent chose so', async () => {
  const { openid, worker, lane } = await heldMessage();
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).take(openid, 'anna', { pending: 'send' });
  const plan = await two.start(() => worker.on(two.client).plan(lane, 'one', 'two'));
  expect(plan.waits).toBe(true);
  await one.commit();
  const [first, second] = (await plan.answer) ?? [];
  if (!first || !second) throw new Error('nothing was planned');
  expect(await worker.end(lane, sent(first))).toBe(true);
  expect(await worker.begin(lane, second.id, 1)).toBe(true);
  expect(await worker.settle(lane, { end: sent({ ...second, attempts: 1 }) })).toBe('gone');
  expect(await statesOf(openid)).toEqual(['sent', 'sent']);
});

test('a begin that waits for a takeover is refused: the delivery is given up', async () => {
  const { openid, worker, lane } = await heldMessage();
  const [first, second] = (await worker.plan(lane, 'one', 'two')) ?? [];
  if (!first || !second) throw new Error('nothing was planned');
  await worker.end(lane, sent(first));
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).take(openid, 'anna');
  const begin = await two.start(() => worker.on(two.client).begin(lane, second.id, 1));
  expect(begin.waits).toBe(true);
  await one.commit();
  expect(await begin.answer).toBe(false);
  expect(await statesOf(openid)).toEqual(['sent', 'cancelled']);
  const next = await worker.look(lane);
  expect(next?.message).toMatchObject({ isPlanned: true, deliveries: [] });
  if (next) expect(await worker.settle(next)).toBe('gone');
});

test('a takeover that waits for a begin leaves that attempt alone, but it is not made again', async () => {
  const { openid, worker, lane } = await heldMessage();
  const [first, second] = (await worker.plan(lane, 'one', 'two')) ?? [];
  if (!first || !second) throw new Error('nothing was planned');
  await worker.end(lane, sent(first));
  const { one, two } = await twoConnections();
  await one.begin();
  await worker.on(one.client).begin(lane, second.id, 1);
  const takeover = await two.start(() => agents().on(two.client).take(openid, 'anna'));
  expect(takeover.waits).toBe(true);
  await one.commit();
  await takeover.answer;
  expect(await statesOf(openid)).toEqual(['sent', 'sending']);
  const end = { ...refused({ ...second, attempts: 1 }, 45011), status: 'pending' as const };
  expect(await worker.end(lane, end)).toBe(true);
  expect(await worker.begin(lane, second.id, 2)).toBe(false);
  expect(await worker.look(lane)).toMatchObject({
    isHushed: true,
    message: { deliveries: [{ id: second.id, isReply: true }] },
  });
});

test('a message is entrusted only while the conversation is taken, in both orders', async () => {
  for (const isFirst of [true, false]) {
    const { openid, worker, lane } = await heldMessage();
    await agents().take(openid, 'anna');
    const held = await worker.look(lane);
    if (!held) throw new Error('the lane is not held');
    const { one, two } = await twoConnections();
    await one.begin();
    if (isFirst) {
      expect(await entrust(one.client, held)).toBe('gone');
      const back = await two.start(() => agents().on(two.client).handBack(openid, 'anna'));
      expect(back.waits).toBe(true);
      await one.commit();
      expect(await back.answer).toBe('returned');
    } else {
      expect(await agents().on(one.client).handBack(openid, 'anna')).toBe('returned');
      const entrusted = await two.start(() => entrust(two.client, held));
      expect(entrusted.waits).toBe(true);
      await one.commit();
      expect(await entrusted.answer).toBe('refused');
      const next = await worker.look(held);
      expect(next).toMatchObject({ isTaken: false, isHushed: false });
      if (next) expect(await worker.plan(next, 'the bot is back')).toHaveLength(1);
    }
  }
});

test('a push waits for a takeover of a quiet conversation, and is left to the agent', async () => {
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  await worker.answer(openid);
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).take(openid, 'anna');
  const push = await two.start(() => two.lanes.say(openid, 'second'));
  expect(push.waits).toBe(true);
  await one.commit();
  const second = await push.answer;
  expect(await worker.take(openid)).toMatchObject({ isTaken: true, message: { id: second } });
  expect(await races().lostOf(openid)).toEqual([]);
});

test('a takeover waits for a push, and leaves its lane as it is', async () => {
  const openid = newUser();
  const first = await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  await worker.answer(openid);
  const { one, two } = await twoConnections();
  await one.begin();
  const second = await one.lanes.say(openid, 'second');
  const takeover = await two.start(() => agents().on(two.client).take(openid, 'anna'));
  expect(takeover.waits).toBe(true);
  await one.commit();
  expect(await takeover.answer).toMatchObject({ result: 'taken' });
  expect(await races().openOf(openid)).toEqual([second]);
  expect(await races().lostOf(openid)).toEqual([]);
  expect(await worker.take(openid)).toMatchObject({ isTaken: true, isHushed: true });
  expect(Number(second)).toBeGreaterThan(Number(first));
});

test('two agents who take at once: one has it, the other sees who', async () => {
  const { openid } = await heldMessage();
  const { one, two } = await twoConnections();
  await one.begin();
  expect(await agents().on(one.client).take(openid, 'anna')).toMatchObject({ result: 'taken' });
  const ben = await two.start(() => agents().on(two.client).take(openid, 'ben'));
  expect(ben.waits).toBe(true);
  await one.commit();
  expect(await ben.answer).toMatchObject({ result: 'held', held_by: 'anna' });
});

test('a lane that nobody has is emptied by a takeover: an attempt of a dead worker is unknown, and not made again', async () => {
  const { openid, messageId, worker, lane } = await heldMessage();
  await worker.plan(lane, 'one', 'two');
  await races().database.pool.query(
    'update wechat.lane set claim = null, worker_id = null, claimed_at = null where id = $1',
    [lane.laneId],
  );
  await agents().take(openid, 'anna');
  expect(await statesOf(openid)).toEqual(['cancelled', 'cancelled']);
  expect(await races().lanes.lanesOf(openid)).toEqual([]);
  expect(
    await races().database.rows(
      `select m.status, a.outcome from wechat.inbound_message m
       join wechat.delivery d on d.message_id = m.id join wechat.delivery_attempt a on a.delivery_id = d.id where m.id = $1`,
      [messageId],
    ),
  ).toEqual([{ status: 'settled', outcome: 'unknown' }]);
});

test('an agent who writes while the lane is in hand is told to wait, and goes on when it is free', async () => {
  const { openid, worker, lane } = await heldMessage();
  const [reply] = (await worker.plan(lane, 'one')) ?? [];
  await agents().take(openid, 'anna', { pending: 'send' });
  expect(await agents().send(openid, 'anna', 'hello')).toEqual({ delivery_id: null, result: 'busy' });
  if (reply) await worker.settle(lane, { end: sent(reply) });
  expect(await agents().send(openid, 'anna', 'hello')).toMatchObject({ result: 'queued' });
  await worker.answer(openid);
  expect(await deliveriesOf(openid)).toMatchObject([
    { origin: 'reply', status: 'sent' },
    { origin: 'agent', status: 'sent' },
  ]);
});

test('the same request twice at once is sent once', async () => {
  const { openid, worker, lane } = await heldMessage();
  await worker.settle(lane);
  await agents().take(openid, 'anna');
  const { one, two } = await twoConnections();
  await one.begin();
  const first = await agents().on(one.client).send(openid, 'anna', 'hello', 'k1');
  const again = await two.start(() => agents().on(two.client).send(openid, 'anna', 'hello', 'k1'));
  await one.commit();
  // It may have found the lane locked, and says so; the page then asks again.
  expect(['busy', 'queued']).toContain((await again.answer).result);
  expect(await agents().send(openid, 'anna', 'hello', 'k1')).toEqual(first);
  expect(await deliveriesOf(openid)).toHaveLength(1);
});

test('an agent who writes while a colleague takes the conversation does not write into it', async () => {
  const { openid, worker, lane } = await heldMessage();
  await worker.settle(lane);
  await agents().take(openid, 'anna');
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).take(openid, 'ben', { steal: true });
  const word = await two.start(() => agents().on(two.client).send(openid, 'anna', 'hello'));
  await one.commit();
  expect(['not_yours', 'busy']).toContain((await word.answer).result);
  expect(await agents().send(openid, 'anna', 'hello')).toMatchObject({ result: 'not_yours' });
  expect(await deliveriesOf(openid)).toEqual([]);
});

test('a reply that asks for a person is stored with the question, and a takeover meanwhile answers it', async () => {
  const { openid, worker, lane } = await heldMessage();
  const { one, two } = await twoConnections();
  await one.begin();
  const payloads = [{ msgtype: 'text', text: { content: 'one moment' } }];
  const messageId = lane.message?.id ?? '';
  const plan = { ...lane, messageId, payloads, beginsFirst: true, handOver: 'a refund' };
  await createPlanner(one.client as Pool)([plan]);
  const takeover = await two.start(() => agents().on(two.client).take(openid, 'anna', { pending: 'send' }));
  expect(takeover.waits).toBe(true);
  await one.commit();
  expect(await takeover.answer).toMatchObject({ result: 'taken' });
  expect(
    await races().database.rows('select agent, reason from wechat.handover where openid = $1', [openid]),
  ).toEqual([{ agent: 'anna', reason: 'a refund' }]);
  expect(await worker.look(lane)).toMatchObject({ isTaken: true, isHushed: false });
});

test('without the rule that a hushed lane plans nothing, a reply gets behind the takeover', async () => {
  const { openid, worker, lane } = await heldMessage();
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).take(openid, 'anna');
  // By the snapshot, as one might write it, instead of by the locked row.
  const broken = rewriting(two.client, [
    'and not l.hushed',
    'and not exists (select from wechat.handover h where h.openid = l.openid)',
  ]);
  const plan = await two.start(() => worker.on(broken).plan(lane, 'too late'));
  await one.commit();
  expect(await plan.answer).toHaveLength(1);
  expect(await statesOf(openid)).toEqual(['sending']);
});

test('without its lock on the row of the takeover, a message is left to an agent who has handed it back', async () => {
  const { openid, messageId, worker, lane } = await heldMessage();
  await agents().take(openid, 'anna');
  const held = await worker.look(lane);
  if (!held) throw new Error('the lane is not held');
  const { one, two } = await twoConnections();
  await one.begin();
  await agents().on(one.client).handBack(openid, 'anna');
  const broken = rewriting(two.client, ['for key share of h', '']);
  const entrusted = await two.start(() => entrust(broken, held));
  expect(entrusted.waits).toBe(true);
  await one.commit();
  expect(await entrusted.answer).toBe('gone');
  expect(
    await races().database.rows('select for_agent from wechat.inbound_message where id = $1', [messageId]),
  ).toEqual([{ for_agent: true }]);
});

test('without the lane that a takeover makes, a message is answered behind its back', async () => {
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  await worker.answer(openid);
  const { one } = await twoConnections();
  await one.begin();
  await one.client.query(
    `insert into wechat.handover (app_id, openid, agent, taken_at) values ($1, $2, 'anna', now())`,
    [races().lanes.appId, openid],
  );
  await races().lanes.say(openid, 'second');
  const lane = await worker.take(openid);
  await one.commit();
  expect(lane.isTaken).toBe(false);
  expect(await worker.plan(lane, 'bot')).toHaveLength(1);
});
