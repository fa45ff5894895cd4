import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HeldLane } from '../../src/outbox/lane.js';
import { createPlanner } from '../../src/outbox/plan.js';
import type { Refusal } from '../../src/wechat/out/client.js';
import { TokenError } from '../../src/wechat/out/errors.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createLanes, type LaneWorker } from '../support/lanes.js';
import { eventMessage } from '../support/messages.js';
import {
  accepted,
  createSender,
  refusal,
  type SenderOptions,
  type SentCall,
  textPayload,
} from '../support/sender.js';
import { waitFor } from '../support/wait.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const image = { msgtype: 'image', image: { media_id: { file: '/a.png' } } };
const miniProgram = { msgtype: 'miniprogrampage', miniprogrampage: { appid: 'wx2' } };
const card = { msgtype: 'wxcard', wxcard: { card_id: 'C' } };

/** An account of the test's own, users who write to it, and a worker that answers. */
async function stage(options: Partial<SenderOptions> = {}) {
  const appId = `wx${randomBytes(6).toString('hex')}`;
  const lanes = createLanes(database.pool, { appId });
  const worker = await lanes.worker();
  const sender = createSender(database.pool, { appId, ...options });
  return { appId, lanes, worker, sender, hear };

  /** The user writes, and the worker takes it up. */
  async function hear(openid = 'oUser'): Promise<HeldLane> {
    await lanes.say(openid);
    return worker.take(openid);
  }
}

async function deliveriesOf({ message }: HeldLane) {
  return database.rows(
    'select status, attempts, failures, errcode, errmsg from wechat.delivery where message_id = $1 order by position',
    [message?.id],
  );
}

function attemptsOf({ message }: HeldLane) {
  return database.rows<{ attempt: number; outcome: string; errmsg: string }>(
    `select a.attempt, a.outcome, a.errmsg from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id
     where d.message_id = $1 order by d.position, a.attempt`,
    [message?.id],
  );
}

async function statusOf({ message }: HeldLane): Promise<string | undefined> {
  const [row] = await database.rows<{ status: string }>(
    'select status from wechat.inbound_message where id = $1',
    [message?.id],
  );
  return row?.status;
}

/** Gives the lane to another worker, as a rescue does. */
async function takeAway({ laneId, openid }: HeldLane, heir: LaneWorker): Promise<HeldLane> {
  await database.pool.query(
    'update wechat.lane set claim = null, worker_id = null, claimed_at = null where id = $1',
    [laneId],
  );
  return heir.take(openid);
}

/** A promise that the test keeps. */
function held<T>(): { promise: Promise<T>; keep(value: T): void } {
  let keep: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    keep = resolve;
  });
  return { promise, keep };
}

describe('a reply', () => {
  test('is sent in order, and its message settled with the last delivery', async () => {
    const { sender, hear } = await stage();
    const lane = await hear();
    const end = await sender.send(lane, textPayload('one'), textPayload('two'));
    expect(end).toEqual({ kind: 'settled', result: 'gone' });
    expect(sender.calls.map(({ payload }) => payload)).toEqual([textPayload('one'), textPayload('two')]);
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'sent', attempts: 1 },
      { status: 'sent', attempts: 1 },
    ]);
    expect(await statusOf(lane)).toBe('settled');
  });

  test('is begun along with its plan where nothing has to be waited for', async () => {
    let seen: unknown[] = [];
    const begins: unknown[] = [];
    const { sender, hear } = await stage({
      answer: async () => {
        seen = await database.rows(`select position, status from wechat.delivery where openid = 'oAtOnce'`);
        return accepted;
      },
      overrides: {
        begin: async (begin) => {
          begins.push(begin);
          return true;
        },
      },
    });
    await sender.send(await hear('oAtOnce'), textPayload('one'));
    expect(seen).toEqual([{ position: 1, status: 'sending' }]);
    expect(begins).toEqual([]);
  });

  test.each(['a token', 'a slot', 'the rate', 'an upload', 'a pause'])(
    'is on record before it waits for %s',
    async (what) => {
      const gate = held<string>();
      const waits = what === 'an upload' ? [image] : [textPayload('one')];
      const { appId, sender, hear } = await stage({
        account: { sendRate: what === 'the rate' ? 0.01 : 0 },
        overrides: {
          ...(what === 'a slot' ? { sendConcurrency: 1 } : {}),
          ...(what === 'a token'
            ? {
                tokens: {
                  peek: () => undefined,
                  get: () => gate.promise,
                  replace: () => gate.promise,
                },
              }
            : {}),
        },
        media: {
          resolve: async (_account, _token, payload) => {
            if (what === 'an upload') await gate.promise;
            return { kind: 'ready', payload, used: [] };
          },
        },
        answer: async ({ openid }) => {
          if (openid === 'oFirst') await gate.promise;
          return accepted;
        },
      });
      if (what === 'a slot' || what === 'the rate')
        void sender.send(await hear('oFirst'), textPayload('busy')).catch(() => undefined);
      const lane = await hear('oSecond');
      if (what === 'a pause')
        await sender.pauses.pause({
          ...{ appId, laneId: '0', reason: 'account', forMs: 60_000, errcode: 1, errmsg: '' },
        });
      const sending = sender.send(lane, ...waits);
      await waitFor('the plan', async () => (await deliveriesOf(lane)).length === 1);
      expect(await deliveriesOf(lane)).toMatchObject([{ status: 'pending', attempts: 0 }]);
      gate.keep('token');
      sender.drain();
      await sending;
    },
  );

  test('says what was cut in the row of its message', async () => {
    const { sender, hear } = await stage({ note: 'two of seven were cut' });
    const lane = await hear();
    await sender.send(lane, textPayload('one'));
    const rows = await database.rows('select error from wechat.inbound_message where id = $1', [
      lane.message?.id,
    ]);
    expect(rows).toEqual([{ error: 'two of seven were cut' }]);
  });

  test('of nothing settles its message', async () => {
    const { sender, hear, worker } = await stage();
    const lane = await hear();
    await worker.plan(lane, 'one');
    const looked = await worker.look(lane);
    const delivery = looked?.message?.deliveries[0];
    if (!looked || !delivery) throw new Error('nothing was planned');
    await database.pool.query(`update wechat.delivery set status = 'cancelled' where id = $1`, [delivery.id]);
    const again = await worker.look(lane);
    expect(again?.message?.isPlanned).toBe(true);
    if (again) expect(await sender.send(again)).toEqual({ kind: 'settled', result: 'gone' });
  });

  test('that is to be tried later says when', async () => {
    const { sender, hear } = await stage({ answer: () => refusal(-1) });
    const lane = await hear();
    expect(await sender.send(lane, textPayload('one'), textPayload('two'))).toEqual({
      kind: 'later',
      delayMs: 500,
    });
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'pending', attempts: 1, failures: 1, errcode: -1 },
      { status: 'pending', attempts: 0 },
    ]);
  });

  test('to a user who left fails whole, in one statement with its message', async () => {
    const { sender, hear } = await stage({ answer: () => refusal(43004) });
    const lane = await hear();
    const end = await sender.send(lane, textPayload('one'), textPayload('two'), textPayload('three'));
    expect(end).toEqual({ kind: 'settled', result: 'gone' });
    expect(sender.calls).toHaveLength(1);
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'failed', errcode: 43004 },
      { status: 'failed', errcode: 43004, errmsg: 'not tried: reply 1 failed with 43004' },
      { status: 'failed', errcode: 43004 },
    ]);
  });

  test('begins nothing more once the process is to stop', async () => {
    const { sender, hear } = await stage({
      answer: () => {
        sender.drain();
        return accepted;
      },
    });
    const lane = await hear();
    expect(await sender.send(lane, textPayload('one'), textPayload('two'))).toEqual({ kind: 'stopped' });
    expect(await deliveriesOf(lane)).toMatchObject([{ status: 'sent' }, { status: 'pending', attempts: 0 }]);
  });

  test('takes a token anew that was refused, once', async () => {
    const { sender, hear } = await stage({
      answer: ({ token }) => (token === 'token-1' ? refusal(40001) : accepted),
    });
    const lane = await hear();
    expect(await sender.send(lane, textPayload('one'))).toEqual({ kind: 'settled', result: 'gone' });
    expect(await attemptsOf(lane)).toMatchObject([
      { attempt: 1, outcome: 'token' },
      { attempt: 2, outcome: 'sent' },
    ]);
  });
});

describe('a worker that lost its lane', () => {
  test('does not send what it was late to begin, and nobody takes that attempt for one of unknown outcome', async () => {
    const { sender, hear, lanes } = await stage();
    const heir = await lanes.worker();
    const lane = await hear();
    const planned = held<void>();
    const taken = held<void>();
    const planner = createPlanner(database.pool);
    const slow = createSender(database.pool, {
      appId: lane.appId,
      overrides: {
        plan: async (plan) => {
          const [result] = await planner([plan]);
          planned.keep();
          await taken.promise;
          slow.pass(60_000);
          return result ?? { kind: 'lost' };
        },
      },
    });
    const sending = slow.send(lane, textPayload('one'));
    await planned.promise;
    const heired = await takeAway(lane, heir);
    taken.keep();
    expect(await sending).toEqual({ kind: 'lost' });
    expect(slow.calls).toEqual([]);
    expect(await attemptsOf(lane)).toMatchObject([{ attempt: 1, outcome: 'transient' }]);
    const looked = await heir.look(heired);
    if (!looked) throw new Error('the heir lost the lane');
    expect(await sender.send(looked)).toEqual({ kind: 'settled', result: 'gone' });
    expect(await attemptsOf(lane)).toMatchObject([
      { attempt: 1, outcome: 'transient' },
      { attempt: 2, outcome: 'sent' },
    ]);
  });

  test('asks for leave again when the request is about to be written after it stood still', async () => {
    const { sender, hear } = await stage({
      answer: ({ mayWrite }) => {
        if (sender.calls.length === 1) sender.pass(60_000);
        return mayWrite() ? accepted : { kind: 'transient', errmsg: 'not written', unwritten: true };
      },
    });
    const lane = await hear();
    expect(await sender.send(lane, textPayload('one'))).toEqual({ kind: 'settled', result: 'gone' });
    expect(sender.calls).toHaveLength(2);
    expect(await attemptsOf(lane)).toMatchObject([{ attempt: 1, outcome: 'sent' }]);
  });

  test('records what came of an attempt all the same, and sends no more', async () => {
    const heired = held<HeldLane>();
    const { sender, hear, lanes } = await stage({
      answer: async () => {
        heired.keep(await takeAway(lane, await lanes.worker()));
        return accepted;
      },
    });
    const lane = await hear();
    expect(await sender.send(lane, textPayload('one'), textPayload('two'))).toEqual({ kind: 'lost' });
    await heired.promise;
    expect(await deliveriesOf(lane)).toMatchObject([{ status: 'sent' }, { status: 'pending', attempts: 0 }]);
  });
});

describe('an attempt of a worker that died', () => {
  async function died(onUnknown: 'resend' | 'hold') {
    const staged = await stage({ account: { onUnknown } });
    const lane = await staged.hear();
    await staged.worker.plan(lane, 'one');
    const heir = await staged.lanes.worker();
    return { ...staged, lane: await takeAway(lane, heir) };
  }

  test('is of unknown outcome, and made again', async () => {
    const { sender, lane } = await died('resend');
    expect(await sender.send(lane)).toEqual({ kind: 'settled', result: 'gone' });
    expect(await attemptsOf(lane)).toMatchObject([
      { attempt: 1, outcome: 'unknown' },
      { attempt: 2, outcome: 'sent' },
    ]);
  });

  test('is left to an operator where that is set, and its message goes on', async () => {
    const { sender, lane } = await died('hold');
    expect(await sender.send(lane)).toEqual({ kind: 'settled', result: 'gone' });
    expect(sender.calls).toEqual([]);
    expect(await deliveriesOf(lane)).toMatchObject([{ status: 'unknown', attempts: 1 }]);
  });
});

describe('an answer that cannot be read', () => {
  test('is followed by two more sends, then left to an operator', async () => {
    const { sender, hear, worker } = await stage({
      answer: () => ({ kind: 'unknown', httpStatus: 200, errmsg: '<html>', unreadable: true }),
    });
    let lane = await hear();
    expect(await sender.send(lane, textPayload('one'))).toMatchObject({ kind: 'later' });
    for (const expected of ['later', 'settled']) {
      lane = (await worker.look(lane)) ?? lane;
      expect(await sender.send(lane)).toMatchObject({ kind: expected });
    }
    expect(sender.calls).toHaveLength(3);
    expect(await deliveriesOf(lane)).toMatchObject([{ status: 'unknown', attempts: 3 }]);
  });
});

describe('a refusal', () => {
  const refuse =
    (...kinds: string[]) =>
    ({ payload }: SentCall) =>
      kinds.includes(payload.msgtype) ? refusal(48001, 'api unauthorized') : accepted;

  async function pausedWith(appId: string) {
    const [row] = await database.rows<Record<string, unknown>>(
      'select reason, errcode, errmsg, cause_lane_id from wechat.account_pause where app_id = $1',
      [appId],
    );
    return row;
  }

  test('of one kind of message fails that message, and texts go on', async () => {
    const { appId, sender, hear } = await stage({ answer: refuse('miniprogrampage') });
    const lane = await hear();
    const end = await sender.send(lane, miniProgram, textPayload('two'), miniProgram);
    expect(end).toEqual({ kind: 'settled', result: 'gone' });
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'failed', errcode: 48001 },
      { status: 'sent' },
      { status: 'failed', errcode: 48001 },
    ]);
    expect(await pausedWith(appId)).toBeUndefined();
  });

  test('of different kinds lets the account rest, and the second waits', async () => {
    const { appId, sender, hear } = await stage({ answer: refuse('miniprogrampage', 'wxcard') });
    const lane = await hear();
    expect(await sender.send(lane, miniProgram, card, textPayload('three'))).toEqual({ kind: 'paused' });
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'failed', errcode: 48001 },
      { status: 'pending', attempts: 1, failures: 0 },
      { status: 'pending', attempts: 0 },
    ]);
    expect(await pausedWith(appId)).toMatchObject({
      reason: 'account',
      errcode: 48001,
      errmsg: expect.stringMatching(/^api unauthorized \(.*no permission.*\. .+\)$/),
      cause_lane_id: lane.laneId,
    });
  });

  test('of three users as frozen lets the account rest, and the third is not given up', async () => {
    const { appId, sender, hear } = await stage({ answer: () => refusal(50002, 'user limited') });
    for (const openid of ['o1', 'o2']) {
      const lane = await hear(openid);
      expect(await sender.send(lane, textPayload('one'), textPayload('two'))).toMatchObject({
        kind: 'settled',
      });
      expect(await deliveriesOf(lane)).toMatchObject([{ status: 'failed' }, { status: 'failed' }]);
    }
    const third = await hear('o3');
    expect(await sender.send(third, textPayload('one'), textPayload('two'))).toEqual({ kind: 'paused' });
    expect(await deliveriesOf(third)).toMatchObject([
      { status: 'pending', attempts: 1, failures: 0, errcode: 50002 },
      { status: 'pending', attempts: 0 },
    ]);
    expect(await pausedWith(appId)).toMatchObject({
      ...{ reason: 'account', errcode: 50002, cause_lane_id: third.laneId },
      errmsg: expect.stringContaining('look for a notice of punishment'),
    });
  });

  test('for want of customer service fails what an agent says, and lets the account rest for what nobody says', async () => {
    const answer = ({ payload }: SentCall) => (payload.customservice ? refusal(65400) : accepted);
    const { appId, sender, hear } = await stage({ answer });
    const byAgent = { ...textPayload('one'), customservice: { kf_account: 'anna@shop' } };
    const lane = await hear();
    expect(await sender.send(lane, byAgent, textPayload('two'))).toEqual({ kind: 'settled', result: 'gone' });
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'failed', errcode: 65400 },
      { status: 'sent' },
    ]);
    expect(await pausedWith(appId)).toBeUndefined();
    const closed = await stage({ answer: () => refusal(65400) });
    expect(await closed.sender.send(await closed.hear(), textPayload('one'))).toEqual({ kind: 'paused' });
    expect(await pausedWith(closed.appId)).toMatchObject({ errcode: 65400 });
  });

  test('of an upload by its API fails what needs one, and texts go on', async () => {
    const { appId, sender, hear } = await stage({
      media: {
        resolve: async (_account, _token, payload) =>
          payload.msgtype === 'image'
            ? { kind: 'not-uploaded', outcome: { ...refusal(48004), kind: 'refused' } as Refusal }
            : { kind: 'ready', payload, used: [] },
      },
    });
    const lane = await hear();
    expect(await sender.send(lane, image, textPayload('two'))).toEqual({ kind: 'settled', result: 'gone' });
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'failed', errcode: 48004 },
      { status: 'sent' },
    ]);
    expect(await pausedWith(appId)).toBeUndefined();
  });

  test('of the token lets the account rest: no message uses up its tries, and none asks again', async () => {
    let asked = 0;
    const refuseToken = async () => {
      asked += 1;
      throw new TokenError('account', 40243, 'invalid appsecret');
    };
    const { appId, sender, hear } = await stage({
      overrides: { tokens: { peek: () => undefined, get: refuseToken, replace: refuseToken } },
    });
    const ends = [];
    const inHand = [await hear('o1'), await hear('o2'), await hear('o3')];
    for (const lane of inHand) {
      ends.push(await sender.send(lane, textPayload('one')));
      expect(await deliveriesOf(lane)).toMatchObject([{ status: 'pending', attempts: 0, failures: 0 }]);
    }
    expect(ends).toEqual(Array(3).fill({ kind: 'paused' }));
    expect(asked).toBe(1);
    expect(await pausedWith(appId)).toMatchObject({
      reason: 'account',
      errcode: 40243,
      errmsg: expect.stringContaining('Unfreeze the AppSecret'),
    });
  });

  test('of uploads for their quota puts off what needs one, and nothing else', async () => {
    const { appId, sender, hear } = await stage({
      media: {
        resolve: async (_account, _token, payload) =>
          payload.msgtype === 'image'
            ? { kind: 'quota', errcode: 45009, errmsg: 'reach max api daily quota limit', forMs: 3_600_000 }
            : { kind: 'ready', payload, used: [] },
      },
    });
    const lane = await hear('o1');
    expect(await sender.send(lane, image)).toEqual({ kind: 'later', delayMs: 3_600_000 });
    expect(await deliveriesOf(lane)).toMatchObject([
      { status: 'pending', attempts: 0, failures: 0, errcode: 45009 },
    ]);
    expect(await sender.send(await hear('o2'), textPayload('one'))).toMatchObject({ kind: 'settled' });
    expect(await pausedWith(appId)).toBeUndefined();
  });
});

describe('while the account rests', () => {
  async function rest({ appId, sender }: Awaited<ReturnType<typeof stage>>) {
    const cause = { laneId: '0', reason: 'account', forMs: 60_000, errcode: 40164, errmsg: 'ip' } as const;
    await sender.pauses.pause({ appId, ...cause });
  }

  test('what is past its window ends as expired without a call, and what is not waits', async () => {
    const staged = await stage();
    const { sender, lanes, worker } = staged;
    const createTime = Math.floor(Date.now() / 1_000) - 120;
    await lanes.arrive(eventMessage('subscribe', { openid: 'oLate', createTime }));
    const late = await worker.take('oLate');
    await lanes.arrive(eventMessage('subscribe', { openid: 'oInTime' }));
    const inTime = await worker.take('oInTime');
    await rest(staged);
    expect(await sender.send(late, textPayload('one'), textPayload('two'))).toEqual({
      kind: 'settled',
      result: 'gone',
    });
    const errmsg = 'not tried: the reply window ended while the account rested';
    expect(await deliveriesOf(late)).toMatchObject([
      { status: 'expired', attempts: 0, errmsg },
      { status: 'expired', attempts: 0, errmsg },
    ]);
    expect(await sender.send(inTime, textPayload('one'))).toEqual({ kind: 'paused' });
    expect(sender.calls).toEqual([]);
  });

  test('its probe is sent, and the answer wakes it', async () => {
    const staged = await stage();
    const { appId, sender, lanes, worker } = staged;
    await lanes.say('oProbe');
    await rest(staged);
    await database.pool.query('update wechat.account_pause set probe_at = now() where app_id = $1', [appId]);
    await sender.pauses.probe();
    const lane = await worker.take('oProbe');
    expect(lane.isProbe).toBe(true);
    expect(await sender.send(lane, textPayload('one'))).toEqual({ kind: 'settled', result: 'gone' });
    expect(sender.pauses.isPaused(appId)).toBe(false);
  });
});
