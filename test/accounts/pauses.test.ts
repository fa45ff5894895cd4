import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPauses, type PauseCause, type Pauses } from '../../src/accounts/pauses.js';
import type { HeldLane } from '../../src/outbox/lane.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createLanes, type LaneOptions } from '../support/lanes.js';
import { eventMessage, textMessage } from '../support/messages.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function stage(options: LaneOptions = {}) {
  const appId = `wx${randomBytes(6).toString('hex')}`;
  const lanes = createLanes(database.pool, { appId, ...options });
  const worker = await lanes.worker();
  const pauses = createPauses(database.pool);
  const cause = (laneId: string, more: Partial<PauseCause> = {}): PauseCause => ({
    ...{ appId, laneId, reason: 'account', forMs: 300_000, errcode: 48001, errmsg: 'api unauthorized' },
    ...more,
  });

  return {
    ...{ appId, lanes, worker, pauses, cause },
    /** Lanes of users who wrote in this order. */
    async write(...openids: string[]): Promise<string[]> {
      for (const openid of openids) await lanes.say(openid);
      const rows = await database.rows<{ id: string }>(
        'select id from wechat.lane where app_id = $1 and openid = any($2) order by id',
        [appId, openids],
      );
      return rows.map(({ id }) => id);
    },
    async row() {
      const [row] = await database.rows<Record<string, unknown>>(
        `select *, extract(epoch from probe_at - now())::int as probe_in_s from wechat.account_pause where app_id = $1`,
        [appId],
      );
      return row;
    },
    /** The lane that the next probe takes. */
    async probe(): Promise<string | undefined> {
      await database.pool.query(
        `update wechat.account_pause set probe_at = now() where app_id = $1 and reason <> 'operator'`,
        [appId],
      );
      const probed = await pauses.probe();
      return probed.find((one) => one.appId === appId)?.laneId;
    },
  };
}

async function operatorPauses(appId: string): Promise<void> {
  await database.pool.query(
    `insert into wechat.account_pause (app_id, reason, errmsg) values ($1, 'operator', 'moving house')
     on conflict (app_id) do update set reason = 'operator', probe_at = null`,
    [appId],
  );
}

/** Ids of the lanes that jobs name, of those given. */
async function rungFor(laneIds: readonly string[]): Promise<string[]> {
  const rows = await database.rows<{ id: string }>(
    `select distinct lane.id from graphile_worker._private_jobs job
     cross join json_array_elements_text(job.payload -> 'ids') as lane (id) where lane.id = any($1) order by lane.id`,
    [laneIds],
  );
  return rows.map(({ id }) => id);
}

function loseJobs() {
  return database.pool.query('delete from graphile_worker._private_jobs');
}

describe('a pause', () => {
  test('is known at once here, after a look elsewhere, and told as new once', async () => {
    const { appId, pauses, cause } = await stage();
    const others = createPauses(database.pool);
    expect(await pauses.pause(cause('1'))).toBe(true);
    expect(await pauses.pause(cause('1'))).toBe(false);
    expect([pauses.isPaused(appId), others.isPaused(appId)]).toEqual([true, false]);
    expect((await others.refresh()).map((pause) => pause.appId)).toContain(appId);
    expect(others.isPaused(appId)).toBe(true);
  });

  test('that lasts longer is not cut short', async () => {
    const { pauses, cause, row } = await stage();
    await pauses.pause(cause('1', { forMs: 3_600_000, reason: 'daily_quota' }));
    await pauses.pause(cause('2', { forMs: 60_000, reason: 'minute_quota' }));
    const { probe_in_s, cause_lane_id } = (await row()) ?? {};
    expect([probe_in_s, cause_lane_id]).toEqual([3_600, '2']);
  });

  test('of an operator stays, whatever WeChat refuses and whatever a probe meets', async () => {
    const { appId, pauses, cause, row } = await stage();
    await pauses.pause(cause('1'));
    await operatorPauses(appId);
    expect(await pauses.pause(cause('2'))).toBe(false);
    expect(await pauses.resume(appId)).toBe(false);
    expect(pauses.isPaused(appId)).toBe(true);
    expect(await row()).toMatchObject({ reason: 'operator' });
  });

  test('that ends rings for what waits', async () => {
    const { appId, pauses, cause, write } = await stage();
    const waiting = await write('o1', 'o2');
    await pauses.pause(cause(waiting[0] ?? ''));
    await loseJobs();
    expect(await pauses.resume(appId)).toBe(true);
    expect(pauses.isPaused(appId)).toBe(false);
    expect(await rungFor(waiting)).toEqual(waiting);
  });
});

describe('a probe', () => {
  test('takes another lane than the one that was refused, and the next one each time', async () => {
    const { pauses, cause, write, probe } = await stage();
    const [first = '', second, third] = await write('o1', 'o2', 'o3');
    await pauses.pause(cause(first));
    expect(await probe()).toBe(second);
    await pauses.pause(cause(second ?? ''));
    expect(await probe()).toBe(third);
    // It brought no response.
    expect(await probe()).toBe(first);
  });

  test('takes the refused one where there is no other', async () => {
    const { pauses, cause, write, probe } = await stage();
    const [only = ''] = await write('o1');
    await pauses.pause(cause(only));
    expect(await probe()).toBe(only);
    expect(await rungFor([only])).toEqual([only]);
  });

  test('prefers one whose reply is made', async () => {
    const { pauses, cause, write, probe, worker } = await stage();
    const [first = '', , third] = await write('o1', 'o2', 'o3');
    const lane = await worker.take('o3');
    await worker.plan(lane, 'hello');
    await worker.release(lane);
    await pauses.pause(cause(first));
    expect(await probe()).toBe(third);
  });

  test('passes over what is held, or due later', async () => {
    const { pauses, cause, write, probe, worker } = await stage();
    const [first = '', , , fourth] = await write('o1', 'o2', 'o3', 'o4');
    await worker.take('o2');
    await worker.release(await worker.take('o3'), { delayMs: 60_000 });
    await pauses.pause(cause(first));
    expect(await probe()).toBe(fourth);
  });

  test('that had nothing to send is followed by the next, and not after minutes', async () => {
    const { appId, pauses, cause, write, probe, worker } = await stage();
    const [first = '', second, third] = await write('o1', 'o2', 'o3');
    await pauses.pause(cause(first));
    expect(await probe()).toBe(second);
    const probes = async () => (await pauses.probe()).filter((probed) => probed.appId === appId);
    expect(await probes()).toEqual([]);
    await worker.settle(await worker.take('o2'));
    expect((await pauses.refresh()).find((pause) => pause.appId === appId)).toMatchObject({
      isProbeDue: true,
    });
    expect(await probes()).toEqual([{ appId, laneId: third }]);
    expect(await probes()).toEqual([]);
  });

  test('is one at a time, and another refusal makes the account rest for its whole time', async () => {
    const { appId, pauses, cause, write, probe, row } = await stage();
    const [first = '', second = ''] = await write('o1', 'o2');
    await pauses.pause(cause(first));
    await probe();
    expect(await row()).toMatchObject({ probe_lane_id: second, probe_in_s: 300 });
    expect((await pauses.probe()).filter((probed) => probed.appId === appId)).toEqual([]);
    await pauses.pause(cause(second));
    expect(await row()).toMatchObject({ probe_lane_id: null, cause_lane_id: second, probe_in_s: 300 });
  });

  test('is not needed where nothing waits: the pause ends', async () => {
    const { appId, pauses, cause, probe, row } = await stage();
    await pauses.pause(cause('1'));
    expect(await probe()).toBeUndefined();
    expect(await row()).toBeUndefined();
    expect(pauses.isPaused(appId)).toBe(false);
  });

  test('of an operator there is none', async () => {
    const { appId, write, probe } = await stage();
    await write('o1');
    await operatorPauses(appId);
    expect(await probe()).toBeUndefined();
  });
});

describe('what is overdue while its account rests', () => {
  const now = Math.floor(Date.now() / 1_000);
  const late = now - 600;
  const subscription = (openid: string, createTime = late) =>
    eventMessage('subscribe', { openid, createTime });

  async function idOf(appId: string, openid: string): Promise<string> {
    const [row] = await database.rows<{ id: string }>(
      'select id from wechat.lane where app_id = $1 and openid = $2 order by id limit 1',
      [appId, openid],
    );
    return row?.id ?? '';
  }

  /** Lanes that this account lets through, as of now. */
  async function overdue(pauses: Pauses, appId: string): Promise<string[]> {
    await pauses.refresh();
    await pauses.overdue();
    const [row] = await database.rows<{ ids: string[] }>(
      'select overdue_lane_ids as ids from wechat.account_pause where app_id = $1',
      [appId],
    );
    return row?.ids ?? [];
  }

  test('is let through and rung for; what may still be answered is not', async () => {
    const { appId, lanes, pauses, cause } = await stage();
    await lanes.arrive(subscription('oLate'), subscription('oFresh', now), textMessage({ openid: 'oText' }));
    await pauses.pause(cause('1'));
    await loseJobs();
    const id = await idOf(appId, 'oLate');
    expect(await overdue(pauses, appId)).toEqual([id]);
    expect(await rungFor([id, await idOf(appId, 'oFresh'), await idOf(appId, 'oText')])).toEqual([id]);
  });

  test('waits no longer under an operator’s pause', async () => {
    const { appId, lanes, pauses } = await stage();
    await lanes.arrive(subscription('oLate'));
    await operatorPauses(appId);
    expect(await overdue(pauses, appId)).toEqual([await idOf(appId, 'oLate')]);
  });

  test('is not what another message of the user keeps in reach, nor what an operator forced', async () => {
    const { appId, lanes, worker, pauses, cause } = await stage();
    await lanes.arrive(subscription('oBoth'), textMessage({ openid: 'oBoth' }), subscription('oForced'));
    const lane: HeldLane = await worker.take('oForced');
    await worker.plan(lane, 'hello');
    await database.pool.query(`update wechat.delivery set ignores_window = true where message_id = $1`, [
      lane.message?.id,
    ]);
    await worker.release(lane);
    await pauses.pause(cause('1'));
    expect(await overdue(pauses, appId)).toEqual([]);
  });

  test('is a message that opened no window once the longest is over', async () => {
    const { appId, lanes, pauses, cause } = await stage();
    await lanes.arrive(
      eventMessage('unsubscribe', { openid: 'oGone' }),
      eventMessage('unsubscribe', { openid: 'oOld' }),
    );
    await database.pool.query(
      `update wechat.inbound_message set received_at = now() - interval '49 hours' where app_id = $1 and openid = 'oOld'`,
      [appId],
    );
    await pauses.pause(cause('1'));
    expect(await overdue(pauses, appId)).toEqual([await idOf(appId, 'oOld')]);
  });

  test('is found lane by lane where the account keeps no order', async () => {
    const { appId, lanes, pauses, cause } = await stage({ ordered: false });
    await lanes.arrive(subscription('oUser'), subscription('oUser', late + 1));
    await pauses.pause(cause('1'));
    expect(await overdue(pauses, appId)).toHaveLength(2);
  });

  test('is not let through again before another look, once it was released', async () => {
    const { appId, lanes, worker, pauses, cause } = await stage();
    await lanes.arrive(subscription('oLate'));
    const lane = await worker.take('oLate');
    await pauses.pause(cause('1'));
    expect(await overdue(pauses, appId)).toEqual([]);
    await worker.release(lane);
    expect(await overdue(pauses, appId)).toEqual([lane.laneId]);
    const letThrough = () =>
      database.rows(
        `select from wechat.account_pause p join wechat.lane l on l.id = any(p.overdue_lane_ids) and l.due_at <= p.overdue_at
         where p.app_id = $1`,
        [appId],
      );
    expect(await letThrough()).toHaveLength(1);
    // Given back, as by a worker that found that its next message may still be answered.
    await database.pool.query('update wechat.lane set due_at = clock_timestamp() where id = $1', [
      lane.laneId,
    ]);
    expect(await letThrough()).toHaveLength(0);
  });

  test('is found behind any number of lanes, page by page', async () => {
    const { appId, lanes, pauses, cause } = await stage();
    const messages = Array.from({ length: 1_200 }, (_, index) =>
      textMessage({ openid: `o${String(index).padStart(5, '0')}` }),
    );
    await lanes.arrive(...messages, subscription('oz'));
    await pauses.pause(cause('1'));
    expect(await overdue(pauses, appId)).toEqual([]);
    expect(await overdue(pauses, appId)).toEqual([await idOf(appId, 'oz')]);
    expect(await overdue(pauses, appId)).toEqual([]);
  });
});
