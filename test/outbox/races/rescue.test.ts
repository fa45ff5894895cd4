import type { ClientBase } from 'pg';
import { expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { createClaim } from '../../../src/outbox/claim.js';
import { leave } from '../../../src/outbox/leave.js';
import { rescue } from '../../../src/outbox/rescue.js';
import { type LaneWorker, sent } from '../../support/lanes.js';
import { closeGate, newUser, rewriting, useRaces } from '../../support/races.js';

/** A worker is declared dead while it, or another, is in the middle of a statement. */
const races = useRaces();

/** A message of a new user in the hands of a worker. */
async function heldMessage() {
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  return { openid, worker, lane };
}

async function planned({ worker, lane }: Awaited<ReturnType<typeof heldMessage>>, ...texts: string[]) {
  const [first, second] = (await worker.plan(lane, ...texts)) ?? [];
  if (!first) throw new Error('nothing was planned');
  return { first, second };
}

/** The sweep alone: the workers in question have been declared dead. */
const sweep = (pool: Pool = races().pool) => rescue(pool, 60_000);

async function deliveriesOf(openid: string) {
  return races().database.rows(
    'select status, attempts from wechat.delivery where openid = $1 order by message_id, position',
    [openid],
  );
}

async function sweepAfterDeath({ worker }: Awaited<ReturnType<typeof heldMessage>>): Promise<void> {
  await races().bury(worker);
  expect(await sweep()).toEqual({ workers: [], lanes: 1 });
}

async function leaveInOrder({ worker }: Awaited<ReturnType<typeof heldMessage>>): Promise<void> {
  await leave(races().pool as unknown as ClientBase, worker.id);
}

async function releaseAtOnce({ worker, lane }: Awaited<ReturnType<typeof heldMessage>>): Promise<void> {
  expect(await worker.release(lane)).toBe(true);
}

async function laneIdOf(openid: string): Promise<string | undefined> {
  const [lane] = await races().database.rows<{ id: string }>('select id from wechat.lane where openid = $1', [
    openid,
  ]);
  return lane?.id;
}

async function attemptsOf(openid: string) {
  return races().database.rows(
    `select attempt, outcome from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id
     where d.openid = $1 order by attempt`,
    [openid],
  );
}

test('a worker without its lock is missed for a while before its lanes are given away', async () => {
  const { openid, worker, lane } = await heldMessage();
  const { pool } = races();
  expect(await rescue(pool, 10_000)).toEqual({ workers: [], lanes: 0 });
  await pool.query(
    `update wechat.worker_process set missing_since = now() - interval '11 seconds' where id = $1`,
    [worker.id],
  );
  expect(await rescue(pool, 10_000)).toEqual({ workers: [worker.id], lanes: 1 });
  expect(await rescue(pool, 10_000)).toEqual({ workers: [], lanes: 0 });
  expect(await worker.claim(openid)).toEqual([]);
  expect((await (await races().lanes.worker()).take(openid)).laneId).toBe(lane.laneId);
  await pool.query('delete from wechat.worker_process');
});

test.each([
  { how: 'dead', giveBack: sweepAfterDeath },
  { how: 'leaving', giveBack: leaveInOrder },
  { how: 'stopping', giveBack: releaseAtOnce },
])('what a $how worker held is taken up before all that waits', async ({ giveBack }) => {
  await sweep();
  const held = await heldMessage();
  const waiting = newUser();
  await races().lanes.say(waiting);
  const waitingId = await laneIdOf(waiting);
  await races().pool.query(`delete from graphile_worker._private_jobs where payload ->> 'ids' not like $1`, [
    `%"${waitingId}"%`,
  ]);
  await races().pool.query(`update graphile_worker._private_jobs set run_at = run_at - interval '1 minute'`);
  await giveBack(held);
  const jobs = await races().database.rows<{ ids: string }>(
    `select payload -> 'ids' as ids from graphile_worker._private_jobs order by priority, run_at, id`,
  );
  expect(jobs).toEqual([{ ids: [held.lane.laneId] }, { ids: [waitingId] }]);
});

test('a worker that was declared dead can write nothing more: plan, begin, settle, release, claim', async () => {
  const held = await heldMessage();
  const { openid, worker, lane } = held;
  await races().bury(worker);
  await sweep();
  expect(await worker.plan(lane, 'late')).toBeUndefined();
  expect(await worker.settle(lane)).toBe('refused');
  expect(await worker.release(lane)).toBe(false);
  expect(await worker.look(lane)).toBeUndefined();
  expect(await worker.claim(openid)).toEqual([]);

  const other = await races().lanes.worker();
  const taken = await other.take(openid);
  expect(taken.crashes).toBe(1);
  const [reply] = (await other.plan(taken, 'one')) ?? [];
  expect(await worker.begin(lane, reply?.id ?? '', 1)).toBe(false);
  expect(
    await worker.end(lane, { ...sent(reply ?? { id: '', attempts: 0, failures: 0 }), call: undefined }),
  ).toBe(false);
  expect(await deliveriesOf(openid)).toEqual([{ status: 'sending', attempts: 1 }]);
});

test('a lane whose row is locked is left to the next sweep, and a plan that was faster stands', async () => {
  const { openid, worker, lane } = await heldMessage();
  await races().bury(worker);
  const slow = await races().connect();
  await slow.begin();
  expect(await worker.on(slow.client).plan(lane, 'one')).toHaveLength(1);
  expect(await sweep()).toMatchObject({ lanes: 0 });
  await slow.commit();
  expect(await sweep()).toMatchObject({ lanes: 1 });
  const taken = await (await races().lanes.worker()).take(openid);
  expect(taken.message).toMatchObject({ isPlanned: true, deliveries: [{ attempts: 1 }] });
  expect(taken.message?.deliveries[0]?.attemptStartedAt).toBeDefined();
});

test.each(['plan', 'begin', 'settle', 'release'] as const)(
  'a %s that waits for a sweep to commit is refused',
  async (statement) => {
    const held = await heldMessage();
    const { worker, lane } = held;
    const { second } = statement === 'begin' ? await planned(held, 'one', 'two') : { second: undefined };
    await races().bury(worker);
    const [sweeping, writing] = [await races().connect(), await races().connect()];
    await sweeping.begin();
    expect(await sweep(sweeping.client as Pool)).toMatchObject({ lanes: 1 });
    const statements: Record<typeof statement, (by: LaneWorker) => Promise<unknown>> = {
      plan: (by) => by.plan(lane, 'late'),
      begin: (by) => by.begin(lane, second?.id ?? '', 1),
      settle: (by) => by.settle(lane),
      release: (by) => by.release(lane),
    };
    const late = await writing.start(() => statements[statement](worker.on(writing.client)));
    expect(late.waits).toBe(true);
    await sweeping.commit();
    expect(await late.answer).toBe(
      { plan: undefined, begin: false, settle: 'refused', release: false }[statement],
    );
  },
);

test('a claim that commits behind the sweep of its worker is freed by the next sweep', async () => {
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const { id } = await races().laneOf(openid);
  const claiming = await races().connect();
  await claiming.begin();
  await createClaim(claiming.client as Pool).claim([id], worker.id, '12345');
  await races().bury(worker);
  await races().clearJobs();
  expect(await sweep()).toMatchObject({ lanes: 0 });
  // Its row may be deleted meanwhile: nobody looks for it.
  await races().database.pool.query('delete from wechat.worker_process where id = $1', [worker.id]);
  await claiming.commit();
  expect(await sweep()).toMatchObject({ lanes: 1 });
  expect(await races().rungFor()).toEqual([id]);
});

test('the late end of a rescued worker is on record, and ends the delivery that nobody has touched since', async () => {
  const held = await heldMessage();
  const { openid, worker, lane } = held;
  const { first } = await planned(held, 'one');
  await races().bury(worker);
  await sweep();
  expect(await worker.settle(lane, { end: sent(first) })).toBe('refused');
  expect(await deliveriesOf(openid)).toEqual([{ status: 'sent', attempts: 1 }]);
  expect(await races().openOf(openid)).toEqual([lane.message?.id]);
  const other = await races().lanes.worker();
  const taken = await other.take(openid);
  expect(taken.message).toMatchObject({ isPlanned: true, deliveries: [] });
  expect(await other.settle(taken)).toBe('gone');
});

test('the truth replaces an unknown outcome, in the attempt and not in what was decided since', async () => {
  const held = await heldMessage();
  const { openid, worker, lane } = held;
  const { first } = await planned(held, 'one');
  await races().bury(worker);
  await sweep();
  const other = await races().lanes.worker();
  const taken = await other.take(openid);
  const end = sent(first);
  const unknown = { ...end, call: end.call && { ...end.call, outcome: 'unknown' as const } };
  // The other goes on with a second attempt.
  await other.end(taken, { ...unknown, status: 'pending', delayMs: 0 });
  expect(await other.begin(taken, first.id, 2)).toBe(true);
  const correctedOf = () =>
    races().database.rows(
      'select corrected_at is not null as corrected from wechat.delivery_attempt where delivery_id = $1',
      [first.id],
    );
  expect(await correctedOf()).toEqual([{ corrected: false }]);
  expect(await worker.end(lane, end)).toBe(false);
  expect(await attemptsOf(openid)).toEqual([{ attempt: 1, outcome: 'sent' }]);
  // Why it was tried again stays on record.
  expect(await correctedOf()).toEqual([{ corrected: true }]);
  expect(await deliveriesOf(openid)).toEqual([{ status: 'sending', attempts: 2 }]);
  // And an unknown outcome never replaces the truth.
  await other.end(taken, unknown);
  expect(await attemptsOf(openid)).toEqual([{ attempt: 1, outcome: 'sent' }]);
});

test('a delivery that is held as unknown takes the truth when it comes late, and no requeue goes over it', async () => {
  const held = await heldMessage();
  const { openid, worker, lane } = held;
  const { first } = await planned(held, 'one');
  await races().bury(worker);
  await sweep();
  const other = await races().lanes.worker();
  const taken = await other.take(openid);
  const end = sent(first);
  const unknown = { ...end, call: end.call && { ...end.call, outcome: 'unknown' as const } };
  expect(await other.settle(taken, { end: { ...unknown, status: 'unknown' } })).toBe('gone');
  const [late, operator] = [await races().connect(), await races().connect()];
  await late.begin();
  expect(await worker.on(late.client).settle(lane, { end })).toBe('refused');
  const requeue = await operator.start(() =>
    operator.client.query('select wechat.requeue($1) as result', [first.id]),
  );
  expect(requeue.waits).toBe(true);
  await late.commit();
  expect((await requeue.answer).rows).toEqual([{ result: 'sent' }]);
  expect(await deliveriesOf(openid)).toEqual([{ status: 'sent', attempts: 1 }]);
  expect(await attemptsOf(openid)).toEqual([{ attempt: 1, outcome: 'sent' }]);
  expect(await races().lanes.lanesOf(openid)).toEqual([]);
});

test('a late end and the begin of the next attempt exclude each other', async () => {
  for (const first of ['end', 'begin'] as const) {
    const held = await heldMessage();
    const { openid, worker, lane } = held;
    const { first: reply } = await planned(held, 'one');
    await races().bury(worker);
    await sweep();
    const other = await races().lanes.worker();
    const taken = await other.take(openid);
    const [one, two] = [await races().connect(), await races().connect()];
    await one.begin();
    if (first === 'end') {
      await worker.on(one.client).end(lane, sent(reply));
      const begin = await two.start(() => other.on(two.client).begin(taken, reply.id, 2));
      expect(begin.waits).toBe(true);
      await one.commit();
      expect(await begin.answer).toBe(false);
      expect(await deliveriesOf(openid)).toEqual([{ status: 'sent', attempts: 1 }]);
    } else {
      await other.on(one.client).begin(taken, reply.id, 2);
      const end = await two.start(() => worker.on(two.client).end(lane, sent(reply)));
      expect(end.waits).toBe(true);
      await one.commit();
      expect(await end.answer).toBe(false);
      expect(await deliveriesOf(openid)).toEqual([{ status: 'sending', attempts: 2 }]);
    }
  }
});

test('a sweep does not free a lane that changed hands behind its snapshot', async () => {
  const { openid, worker, lane } = await heldMessage();
  await races().bury(worker);
  const gate = await closeGate(races());
  const sweeping = await races().connect();
  const gated = rewriting(sweeping.client, [
    'where l.claim is not null',
    'where public.race_gate() and l.claim is not null',
  ]);
  const slow = await sweeping.start(() => sweep(gated as Pool));
  expect(slow.waits).toBe(true);
  // Another sweep is faster, and a worker that has just started takes the lane.
  await sweep();
  const fresh = await races().lanes.worker();
  const taken = await fresh.take(openid);
  await gate.open();
  await slow.answer;
  expect(taken.laneId).toBe(lane.laneId);
  expect(await races().laneOf(openid)).toMatchObject({ claim: taken.claim, crashes: 1 });
});
