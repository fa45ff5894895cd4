import type { ClientBase } from 'pg';
import { expect, test } from 'vitest';
import { classifyDatabaseError } from '../../../src/db/errors.js';
import type { Pool } from '../../../src/db/pool.js';
import { createBegin } from '../../../src/outbox/begin.js';
import { createClaim } from '../../../src/outbox/claim.js';
import { createEnd } from '../../../src/outbox/end.js';
import type { HeldLane } from '../../../src/outbox/lane.js';
import { leave } from '../../../src/outbox/leave.js';
import { createMerge } from '../../../src/outbox/merge.js';
import { createPlanner } from '../../../src/outbox/plan.js';
import { createRelease } from '../../../src/outbox/release.js';
import { rescue } from '../../../src/outbox/rescue.js';
import { createSettle } from '../../../src/outbox/settle.js';
import { createLanes, type LaneWorker, type Queryable, sent } from '../../support/lanes.js';
import { textMessage } from '../../support/messages.js';
import { closeGate, newUser, type Races, rewriting, useRaces } from '../../support/races.js';

/**
 * One order of locks for all: lanes first, by (app_id, openid, slot), then messages, deliveries and attempts. And the fence: a
 * write of a worker waits for whoever has the lane's row. Each schedule goes well, and goes wrong as soon as the statement is
 * written in another way.
 */
const races = useRaces();

/** Two lanes in one worker's hands, the later one first: a set of statements comes in any order. */
async function twoLanes({ lanes }: Races) {
  const [first, second] = [newUser(), newUser()];
  await lanes.arrive(textMessage({ openid: first }), textMessage({ openid: second }));
  const worker = await lanes.worker();
  const held = [await worker.take(second), await worker.take(first)];
  const begun = [];
  for (const lane of held) begun.push({ lane, reply: (await worker.plan(lane, 'one'))?.[0] ?? none });
  return { first, second, worker, held, begun };
}

const none = { id: '0', attempts: 0, failures: 0 };

type Two = Awaited<ReturnType<typeof twoLanes>>;

const ordered = 'order by l.app_id, l.openid, l.slot for update';
const otherWayRound = 'order by l.app_id desc, l.openid desc, l.slot desc for update';

const payloads = [{ msgtype: 'text', text: { content: 'one' } } as const];

const statements: Record<string, (pool: Pool, two: Two) => Promise<unknown>> = {
  plan: (pool, { held }) =>
    createPlanner(pool)(
      held.map((lane) => ({ ...lane, messageId: lane.message?.id ?? '', payloads, beginsFirst: true })),
    ),
  begin: (pool, { begun }) =>
    createBegin(pool).begin(begun.map(({ lane, reply }) => ({ ...lane, deliveryId: reply.id, attempt: 2 }))),
  end: (pool, { begun }) => createEnd(pool)(begun.map(({ lane, reply }) => ({ ...lane, ...sent(reply) }))),
  merge: (pool, { held }) => createMerge(pool)(held.map((lane) => ({ lane, withinMs: 0 }))),
  settle: (pool, { held }) => createSettle(pool)(held.map((lane) => ({ lane, status: 'settled' }))),
  release: (pool, { held }) => createRelease(pool)(held.map((lane) => ({ ...lane, delayMs: 0 }))),
  leave: (pool, { worker }) => leave(pool as unknown as ClientBase, worker.id),
};

/** A push that comes to both lanes one by one, while the statement wants both. */
async function meet(
  statement: (pool: Pool, two: Two) => Promise<unknown>,
  through: (one: Queryable) => Queryable,
) {
  const two = await twoLanes(races());
  const [arriving, writing] = [await races().connect(), await races().connect()];
  await arriving.begin();
  await arriving.lanes.say(two.first);
  const write = await writing.start(() => statement(through(writing.client) as Pool, two));
  expect(write.waits).toBe(true);
  const results = await Promise.allSettled([
    arriving.lanes.say(two.second).then(
      () => arriving.commit(),
      (error) =>
        arriving.rollback().then(() => {
          throw error;
        }),
    ),
    write.answer,
  ]);
  return results.flatMap((result) =>
    result.status === 'rejected' ? [classifyDatabaseError(result.reason)] : [],
  );
}

test.each(Object.entries(statements))('%s locks lanes in the one order', async (_, statement) => {
  expect(await meet(statement, (one) => one)).toEqual([]);
  expect(await meet(statement, (one) => rewriting(one, [ordered, otherWayRound]))).toEqual(['conflict']);
});

test('arrive locks lanes in the one order, whatever the order of the group', async () => {
  const unordered = [
    'group by app_id, openid, slot order by app_id, openid, slot',
    'group by app_id, openid, slot order by openid desc',
  ] as const;
  const group = (pool: Queryable, { first, second }: Two) =>
    createLanes(pool).arrive(textMessage({ openid: second }), textMessage({ openid: first }));
  expect(await meet(group, (one) => one)).toEqual([]);
  expect(await meet(group, (one) => rewriting(one, [...unordered]))).toEqual(['conflict']);
});

test('a sweep waits for nobody', async () => {
  const two = await twoLanes(races());
  await races().bury(two.worker);
  const [arriving, sweeping] = [await races().connect(), await races().connect()];
  await arriving.begin();
  await arriving.lanes.say(two.first);
  const sweep = await sweeping.start(() => rescue(sweeping.client as Pool, 60_000));
  expect(sweep.waits).toBe(false);
  expect(await sweep.answer).toMatchObject({ lanes: 1 });
  await arriving.rollback();
  expect(await rescue(races().pool, 60_000)).toMatchObject({ lanes: 1 });
});

test('an id is drawn when its lane is locked: drawn before, a later one is seen and settled first', async () => {
  const idsFirst = [
    [
      'from input i join lane l on (l.app_id, l.openid, l.slot) = (i.app_id, i.openid, i.slot)',
      'from input i',
    ],
    ['select (select count(*) from job) as jobs,', 'select'],
  ] as const;
  const lostBy = async (through: (one: Queryable) => Queryable) => {
    const openid = newUser();
    await races().lanes.say(openid);
    const worker = await races().lanes.worker();
    const lane = await worker.take(openid);
    const [one, two] = [await races().connect(), await races().connect()];
    await one.begin();
    await one.client.query('select from wechat.lane where id = $1 for update', [lane.laneId]);
    const push = await two.start(() => createLanes(through(two.client)).arrive(textMessage({ openid })));
    expect(push.waits).toBe(true);
    await one.lanes.say(openid);
    await worker.on(one.client).settle(lane);
    await one.client.query('savepoint seen');
    // Seen by this transaction, as by all once it commits; the push is still to come.
    const next = await worker.on(one.client).look(lane);
    if (next) await worker.on(one.client).settle({ ...next, nextReceivedAt: new Date() });
    await one.commit();
    await push.answer;
    return races().lostOf(openid);
  };
  expect(await lostBy((one) => one)).toEqual([]);
  expect(await lostBy((one) => rewriting(one, ...idsFirst))).toHaveLength(1);
});

/** A worker that was declared dead writes while the sweep that takes its lane is still to commit. */
async function lateWrite(
  write: (by: LaneWorker, lane: HeldLane, second: string) => Promise<unknown>,
  through: (one: Queryable) => Queryable,
) {
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  const [, second] = write.length > 2 ? ((await worker.plan(lane, 'one', 'two')) ?? []) : [];
  await races().bury(worker);
  const [sweeping, writing] = [await races().connect(), await races().connect()];
  await sweeping.begin();
  await rescue(sweeping.client as Pool, 60_000);
  const late = await writing.start(() => write(worker.on(through(writing.client)), lane, second?.id ?? ''));
  const { waits } = late;
  await sweeping.commit();
  return { waits, isAccepted: Boolean(await late.answer) };
}

test('plan and begin lock the lane: without the lock, a worker that lost it may send', async () => {
  const unlocked = [`    ${ordered} of l`, ''] as const;
  const writes = [
    (by: LaneWorker, lane: HeldLane) => by.plan(lane, 'late'),
    (by: LaneWorker, lane: HeldLane, second: string) => by.begin(lane, second, 1),
  ];
  for (const write of writes) {
    expect(await lateWrite(write, (one) => one)).toEqual({ waits: true, isAccepted: false });
    expect(await lateWrite(write, (one) => rewriting(one, [...unlocked]))).toEqual({
      waits: false,
      isAccepted: true,
    });
  }
});

test('a sweep goes by who lives: by who has just died, a claim that commits behind it is held for ever', async () => {
  const justDied = [
    'and not exists (select from wechat.worker_process w where w.id = l.worker_id and w.ended_at is null)',
    `and l.worker_id = any ($1)`,
  ] as const;
  const heldFor = async (sweep: (worker: LaneWorker) => Promise<unknown>) => {
    const openid = newUser();
    await races().lanes.say(openid);
    const worker = await races().lanes.worker();
    const { id } = await races().laneOf(openid);
    const claiming = await races().connect();
    await claiming.begin();
    await createClaim(claiming.client as Pool).claim([id], worker.id, id);
    await races().bury(worker);
    await sweep(worker);
    await claiming.commit();
    // The next round, which finds nobody dead any more.
    await sweep(await races().lanes.worker());
    return (await races().laneOf(openid)).worker_id;
  };
  expect(await heldFor(() => rescue(races().pool, 60_000))).toBeNull();
  expect(
    await heldFor(({ id }) =>
      rescue(
        rewriting(races().pool, [justDied[0], justDied[1].replace('$1', `array[${id}]`)]) as Pool,
        60_000,
      ),
    ),
  ).not.toBeNull();
});

test('a sweep compares claims: without, it takes a lane from a worker that has just started', async () => {
  const takenBy = async (...changes: (readonly [string, string])[]) => {
    const { first, worker } = await twoLanes(races());
    await races().bury(worker);
    const gate = await closeGate(races());
    const sweeping = await races().connect();
    const gated = rewriting(
      sweeping.client,
      ['where l.claim is not null', 'where (select public.race_gate()) and l.claim is not null'],
      ...changes,
    );
    const slow = await sweeping.start(() => rescue(gated as Pool, 60_000));
    await rescue(races().pool, 60_000);
    const taken = await (await races().lanes.worker()).take(first);
    await gate.open();
    await slow.answer;
    return (await races().laneOf(first)).claim === taken.claim ? 'the new worker' : 'nobody';
  };
  expect(await takenBy()).toBe('the new worker');
  expect(await takenBy(['l.id = dead.id and l.claim = dead.claim', 'l.id = dead.id'])).toBe('nobody');
});
