import { expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { type ClaimResult, createClaim } from '../../../src/outbox/claim.js';
import { createLanes, type Queryable } from '../../support/lanes.js';
import { closeGate, newUser, rewriting, useRaces } from '../../support/races.js';
import { waitFor } from '../../support/wait.js';

/**
 * An account rests: its lanes' rings are dropped by those who hear them, and the end of the pause rings for all. No order of the
 * two may leave a lane without a ring. The reconciler, which would find it after a while, is not asked here.
 */
const races = useRaces();

let accounts = 0;

/** An account that rests, with a lane of one message and a worker. */
async function restingLane() {
  accounts += 1;
  const appId = `wx-rests-${accounts}`;
  const lanes = createLanes(races().pool, { appId });
  const openid = newUser();
  await lanes.say(openid);
  const [lane] = await lanes.lanesOf(openid);
  if (!lane) throw new Error('no lane');
  const pause = () =>
    races().pool.query(
      `insert into wechat.account_pause (app_id, reason, probe_at) values ($1, 'minute_quota', now() + interval '1 hour')`,
      [appId],
    );
  const worker = await lanes.worker();
  let claims = 0;
  return {
    appId,
    openid,
    lanes,
    worker,
    laneId: lane.id,
    pause,
    claim(through: Queryable = races().pool): Promise<ClaimResult> {
      claims += 1;
      return createClaim(through as Pool).claim([lane.id], worker.id, `${accounts}${claims}`);
    },
  };
}

async function untilDue(laneId: string): Promise<void> {
  await waitFor('the lane to be due', async () => {
    const due = await races().database.rows('select from wechat.lane where id = $1 and due_at <= now()', [
      laneId,
    ]);
    return due.length === 1;
  });
}

const dropped: ClaimResult = { held: [], busy: [] };

test('a ring is dropped while the account rests, and the end of the pause rings', async () => {
  const { appId, laneId, pause, claim } = await restingLane();
  await pause();
  await races().clearJobs();
  expect(await claim()).toEqual(dropped);
  await races().pool.query('select wechat.end_pause($1)', [appId]);
  expect(await races().rungFor()).toEqual([laneId]);
  expect(await claim()).toEqual({ held: [laneId], busy: [] });
});

test('the end of the pause waits for a claim that has seen the pause, and then rings for the lane that it left', async () => {
  const { appId, laneId, pause, claim } = await restingLane();
  await pause();
  await races().clearJobs();
  const gate = await closeGate(races());
  const [slow, ending] = [await races().connect(), await races().connect()];
  // The pause is seen and locked, the lanes are still to be read.
  const gated = rewriting(slow.client, [
    'where l.id = any($1::bigint[])\n      and',
    'where l.id = any($1::bigint[]) and (select count(*) from resting) >= 0 and public.race_gate() and',
  ]);
  const claiming = await slow.start(() => claim(gated));
  expect(claiming.waits).toBe(true);
  const end = await ending.start(() => ending.client.query('select wechat.end_pause($1)', [appId]));
  expect(end.waits).toBe(true);
  await gate.open();
  expect((await claiming.answer).held).toEqual([]);
  await end.answer;
  expect(await races().rungFor()).toEqual([laneId]);
});

test('a claim that meets the end of a pause half done takes the lane', async () => {
  const { appId, laneId, pause, claim } = await restingLane();
  await pause();
  const ending = await races().connect();
  await ending.begin();
  await ending.client.query('select wechat.end_pause($1)', [appId]);
  expect(await claim()).toEqual({ held: [laneId], busy: [] });
  await ending.commit();
});

test('a pause that ends in a transaction begun before its lane was due rings for that lane', async () => {
  const { appId, laneId, openid, pause, claim, worker } = await restingLane();
  const ending = await races().connect();
  await ending.begin();
  await ending.client.query('select now()');
  const held = await worker.take(openid);
  await worker.release(held, { delayMs: 20 });
  await pause();
  await untilDue(laneId);
  expect(await claim()).toEqual(dropped);
  await races().clearJobs();
  await ending.client.query('select wechat.end_pause($1)', [appId]);
  await ending.commit();
  expect(await races().rungFor()).toEqual([laneId]);
});

test('a lane that is locked while its pause is being ended is asked for again', async () => {
  const { appId, laneId, openid, pause, claim, worker } = await restingLane();
  const [ending, arriving] = [await races().connect(), await races().connect()];
  await worker.release(await worker.take(openid), { delayMs: 100 });
  await pause();
  // Rings for what is due by now, so not for this lane, and is committed late.
  await ending.begin();
  await ending.client.query('select wechat.end_pause($1)', [appId]);
  await untilDue(laneId);
  await arriving.begin();
  await createLanes(arriving.client, { appId }).say(openid);
  // The lane's own job.
  const heard = await claim();
  await arriving.rollback();
  await ending.commit();
  expect(heard).toEqual({ held: [], busy: [laneId] });
});
