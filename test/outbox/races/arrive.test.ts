import { expect, test } from 'vitest';
import { classifyDatabaseError } from '../../../src/db/errors.js';
import { createPool } from '../../../src/db/pool.js';
import { createLanes } from '../../support/lanes.js';
import { textMessage } from '../../support/messages.js';
import { newUser, useRaces } from '../../support/races.js';

/** Two pushes of a user at the same time, and pushes while the user's lane is being worked on. */
const races = useRaces();

async function twoConnections() {
  return { one: await races().connect(), two: await races().connect() };
}

async function messagesOf(openid: string): Promise<string[]> {
  const rows = await races().database.rows<{ content: string }>(
    'select content from wechat.inbound_message where openid = $1 order by id',
    [openid],
  );
  return rows.map(({ content }) => content);
}

test.each(['no lane', 'a free lane', 'a lane that is held'])(
  'with %s: the second push waits for the first, and ids follow the commits',
  async (state) => {
    const openid = newUser();
    const worker = await races().lanes.worker();
    if (state !== 'no lane') await races().lanes.say(openid, 'before');
    const held = state === 'a lane that is held' ? await worker.take(openid) : undefined;
    const { one, two } = await twoConnections();
    await one.begin();
    await one.lanes.say(openid, 'first');
    const second = await two.start(() => two.lanes.say(openid, 'second'));
    expect(second.waits).toBe(true);
    await one.commit();
    await second.answer;
    expect((await messagesOf(openid)).slice(-2)).toEqual(['first', 'second']);
    if (held) await worker.release(held);
    expect(await worker.answer(openid)).toHaveLength(state === 'no lane' ? 2 : 3);
    expect(await races().lanes.lanesOf(openid)).toEqual([]);
  },
);

test.each(['no lane', 'a free lane'])(
  'with %s: the first push is rolled back, and the second is found all the same',
  async (state) => {
    const openid = newUser();
    if (state !== 'no lane') await races().lanes.say(openid, 'before');
    await races().clearJobs();
    const { one, two } = await twoConnections();
    await one.begin();
    await one.lanes.say(openid, 'first');
    const second = await two.start(() => two.lanes.say(openid, 'second'));
    expect(second.waits).toBe(true);
    await one.rollback();
    await second.answer;
    const { id, waiting } = await races().laneOf(openid);
    expect(waiting).toBe(state === 'no lane' ? 1 : 2);
    expect(await races().rungFor()).toEqual([id]);
    expect(await races().lostOf(openid)).toEqual([]);
  },
);

test('a duplicate waits for the original, and is none when that is rolled back', async () => {
  for (const end of ['commit', 'rollback'] as const) {
    const openid = newUser();
    const message = textMessage({ openid });
    const { one, two } = await twoConnections();
    await one.begin();
    await one.lanes.arrive(message);
    const again = await two.start(() => two.lanes.arrive(message));
    expect(again.waits).toBe(true);
    await one[end]();
    expect(await again.answer).toEqual([end === 'commit' ? 'duplicate' : 'stored']);
    expect(await (await races().lanes.worker()).answer(openid)).toHaveLength(1);
    expect(await races().lanes.lanesOf(openid)).toEqual([]);
  }
});

test('a duplicate of a settled message makes a lane, which is rung for, looked through and dropped', async () => {
  const openid = newUser();
  const message = textMessage({ openid });
  const worker = await races().lanes.worker();
  await races().lanes.arrive(message);
  await worker.answer(openid);
  await races().clearJobs();
  expect(await races().lanes.arrive(message)).toEqual(['duplicate']);
  const { id } = await races().laneOf(openid);
  expect(await races().rungFor()).toEqual([id]);
  expect(await worker.answer(openid)).toEqual([]);
  expect(await races().lanes.lanesOf(openid)).toEqual([]);
});

test('a group is stored as a whole when one of its users has to be waited for', async () => {
  const [waited, other] = [newUser(), newUser()];
  const { one, two } = await twoConnections();
  await one.begin();
  await one.lanes.say(waited, 'first');
  const group = await two.start(() =>
    two.lanes.arrive(textMessage({ openid: other }), textMessage({ openid: waited, content: 'second' })),
  );
  expect(group.waits).toBe(true);
  // Whoever waits holds nothing that comes later in the order of locks: the other user is free.
  expect(await races().lanes.say(other, 'passes')).toBeDefined();
  await one.commit();
  expect(await group.answer).toEqual(['stored', 'stored']);
  expect(await messagesOf(other)).toEqual(['passes', 'hello']);
  expect(await messagesOf(waited)).toEqual(['first', 'second']);
});

test('the lane goes while a group that has drawn its cursor waits: what was settled meanwhile is not given out again', async () => {
  const [first, second] = [newUser(), newUser()];
  const worker = await races().lanes.worker();
  const { one, two } = await twoConnections();
  await one.begin();
  await one.lanes.say(first);
  const group = await two.start(() =>
    two.lanes.arrive(textMessage({ openid: first }), textMessage({ openid: second, content: 'late' })),
  );
  expect(group.waits).toBe(true);
  const settled = await races().lanes.say(second, 'settled meanwhile');
  expect(await worker.answer(second)).toEqual([settled]);
  await one.commit();
  await group.answer;
  expect(BigInt((await races().laneOf(second)).done_id)).toBeLessThan(BigInt(settled));
  const late = await races().openOf(second);
  expect(late).toHaveLength(1);
  expect(await worker.answer(second)).toEqual(late);
  expect(await worker.answer(first)).toHaveLength(2);
});

test('a key that meets two lanes, because order was switched, is stored once and both lanes go', async () => {
  const openid = newUser();
  const message = textMessage({ openid });
  const { one, two } = await twoConnections();
  await one.begin();
  await one.lanes.arrive(message);
  const unordered = createLanes(two.client, { ordered: false });
  const again = await two.start(() => unordered.arrive(message));
  expect(again.waits).toBe(true);
  await one.commit();
  expect(await again.answer).toEqual(['duplicate']);
  expect(await races().lanes.lanesOf(openid)).toHaveLength(2);
  const worker = await races().lanes.worker();
  for (const lane of await worker.claim(openid)) expect(await worker.settle(lane)).toBe('gone');
  expect(await races().lanes.lanesOf(openid)).toEqual([]);
  expect(await races().openOf(openid)).toEqual([]);
});

test('crossing groups of many users do not deadlock', async () => {
  const users = Array.from({ length: 6 }, newUser);
  const connections = await Promise.all(Array.from({ length: 4 }, () => races().connect()));
  const groups = connections.map(async ({ lanes }, start) => {
    for (let round = 0; round < 15; round += 1) {
      const turned = users.map((_, index) => users[(index * (start + 1) + round) % users.length] ?? '');
      await lanes.arrive(...turned.map((openid) => textMessage({ openid })));
    }
  });
  await Promise.all(groups);
  const [count] = await races().database.rows(
    'select count(*)::int as stored from wechat.inbound_message where openid = any($1)',
    [users],
  );
  expect(count).toEqual({ stored: 4 * 15 * users.length });
});

test('a lane that somebody does not let go of fails its group after a while, and nothing of that is stored', async () => {
  const [locked, other] = [newUser(), newUser()];
  const { one } = await twoConnections();
  await one.begin();
  await one.lanes.say(locked);
  const impatient = createPool({
    connectionString: races().database.url,
    name: 'race',
    max: 1,
    statementTimeoutMs: 10_000,
    lockTimeoutMs: 50,
    onError: () => undefined,
  });
  const group = createLanes(impatient).arrive(
    textMessage({ openid: locked }),
    textMessage({ openid: other }),
  );
  const failure: unknown = await group.catch((error: unknown) => error);
  await impatient.end();
  expect(classifyDatabaseError(failure)).toBe('locked');
  expect(await messagesOf(other)).toEqual([]);
  expect(await races().lanes.lanesOf(other)).toEqual([]);
});
