import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createLanes, type Lanes, type LaneWorker, refused, sent } from '../support/lanes.js';
import { textMessage } from '../support/messages.js';
import { waitFor } from '../support/wait.js';

/**
 * Two transactions on one conversation. One is held open; the other runs until it has answered, or waits for a lock; then the
 * first commits. In the end no message may be lost, and none answered twice.
 */
let database: TestDatabase;
let lanes: Lanes;
let worker: LaneWorker;
let openid: string;
let number = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
  await database.rows(
    'truncate wechat.inbound_message, wechat.delivery, wechat.delivery_attempt, wechat.lane',
  );
  number += 1;
  openid = `oUser${number}`;
  lanes = createLanes(database.pool);
  worker = await lanes.worker();
});

/** What is open is answered to the end, and then nothing is left: no lost message, no lane without one. */
afterEach(async () => {
  const [lane] = await lanes.lanesOf(openid);
  if (lane) {
    await database.rows(
      'update wechat.lane set claim = null, worker_id = null, claimed_at = null, due_at = now()',
    );
    await worker.answer(openid);
  }
  expect(await database.rows('select id from wechat.inbound_message where settled_at is null')).toEqual([]);
  expect(await database.rows('select id from wechat.lane')).toEqual([]);
  const twice = await database.rows(
    `select delivery_id from wechat.delivery_attempt where outcome = 'sent' group by delivery_id having count(*) > 1`,
  );
  expect(twice).toEqual([]);
});

/** Runs `act` in a transaction, and `meanwhile` before its commit. */
async function hold<T>(
  act: (client: pg.PoolClient) => Promise<unknown>,
  meanwhile: () => Promise<T>,
): Promise<T> {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    await act(client);
    const result = await meanwhile();
    await client.query('commit');
    return result;
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** As `hold`, where what runs meanwhile must wait for the commit. */
async function blocked<T>(
  act: (client: pg.PoolClient) => Promise<unknown>,
  other: () => Promise<T>,
): Promise<T> {
  let late: Promise<T> | undefined;
  await hold(act, async () => {
    late = other();
    late.catch(() => undefined);
    await waitFor('the other to wait for a lock', async () => {
      const waits = await database.rows(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waits.length > 0;
    });
  });
  if (!late) throw new Error('nothing ran');
  return late;
}

async function call(on: pg.PoolClient | pg.Pool, expression: string, ...values: unknown[]): Promise<unknown> {
  const { rows } = await on.query(`select ${expression} as value`, values);
  return rows[0]?.value;
}

const requeue = (id: string, on: pg.PoolClient | pg.Pool = database.pool) =>
  call(on, 'wechat.requeue($1)', id);
const cancel = (id: string, on: pg.PoolClient | pg.Pool = database.pool) => call(on, 'wechat.cancel($1)', id);
const hello = JSON.stringify({ msgtype: 'text', text: { content: 'by hand' } });
const send = (on: pg.PoolClient | pg.Pool = database.pool) =>
  call(on, '(select result from wechat.send($1, $2, $3))', lanes.appId, openid, hello);
const forget = async (on: pg.PoolClient | pg.Pool = database.pool) =>
  (await on.query('select * from wechat.forget($1, $2)', [lanes.appId, openid])).rows[0];

/** A message whose only delivery was refused for good. */
async function failedMessage(): Promise<{ message: string; delivery: string }> {
  const message = await lanes.say(openid, 'failed');
  const lane = await worker.take(openid);
  const [delivery] = (await worker.plan(lane, 'refused')) ?? [];
  if (!delivery) throw new Error('nothing was planned');
  await worker.settle(lane, { status: 'settled', end: refused(delivery) });
  return { message, delivery: delivery.id };
}

const statusOf = async (delivery: string) =>
  (await database.rows<{ status: string }>('select status from wechat.delivery where id = $1', [delivery]))[0]
    ?.status;

describe('requeue and claim', () => {
  test('what is being requeued is not claimed before the commit, and then it is', async () => {
    const { delivery } = await failedMessage();
    const early = await hold(
      (client) => requeue(delivery, client),
      () => worker.claim(openid),
    );
    expect(early).toEqual([]);
    const lane = await worker.take(openid);
    expect(lane.message?.deliveries).toMatchObject([{ id: delivery, attempts: 1, failures: 0 }]);
  });

  test('a lane that is being claimed is in hand', async () => {
    const { delivery } = await failedMessage();
    await lanes.say(openid);
    const result = await hold(
      (client) => worker.on(client).take(openid),
      () => requeue(delivery),
    );
    expect(result).toBe('in_hand');
    expect(await requeue(delivery)).toBe('requeued');
  });

  test('the message that a worker has is in hand, and one that it has only just settled', async () => {
    const first = await lanes.say(openid, 'first');
    await lanes.say(openid, 'second');
    const lane = await worker.take(openid);
    const [delivery, another] = (await worker.plan(lane, 'one', 'two')) ?? [];
    if (!delivery || !another) throw new Error('nothing was planned');
    await worker.end(lane, refused(delivery));
    expect(await requeue(delivery.id)).toBe('in_hand');
    await worker.begin(lane, another.id, 1);
    expect(await worker.settle(lane, { end: sent({ ...another, attempts: 1 }) })).toBe('kept');
    expect(await requeue(delivery.id)).toBe('in_hand');
    const next = await worker.look(lane);
    expect(next?.message?.id).not.toBe(first);
    await worker.release(lane);
    expect(await requeue(delivery.id)).toBe('requeued');
    expect((await worker.take(openid)).message?.id).toBe(first);
  });
});

describe('requeue and settle', () => {
  test('an earlier message that is requeued while a later one is settled is found by the next look', async () => {
    const { message, delivery } = await failedMessage();
    await lanes.say(openid, 'second');
    const lane = await worker.take(openid);
    const [planned] = (await worker.plan(lane, 'answer')) ?? [];
    if (!planned) throw new Error('nothing was planned');
    expect(await requeue(delivery)).toBe('requeued');
    expect(await worker.settle(lane, { end: sent(planned) })).toBe('kept');
    expect((await worker.look(lane))?.message?.id).toBe(message);
  });

  test('nor is it lost where the cursor stood right before it already', async () => {
    const { message, delivery } = await failedMessage();
    await lanes.say(openid, 'second');
    await database.rows('update wechat.lane set done_id = $1::bigint - 1', [message]);
    const lane = await worker.take(openid);
    expect(lane.doneId).toBe(String(BigInt(message) - 1n));
    expect(await requeue(delivery)).toBe('requeued');
    expect(await worker.settle(lane)).toBe('kept');
    expect((await worker.look(lane))?.message?.id).toBe(message);
  });

  test('a settle waits for a requeue that is not committed, and keeps the lane then', async () => {
    const { message, delivery } = await failedMessage();
    await lanes.say(openid, 'second');
    const lane = await worker.take(openid);
    const result = await blocked(
      (client) => requeue(delivery, client),
      () => worker.settle(lane),
    );
    expect(result).toBe('kept');
    expect((await worker.look(lane))?.message?.id).toBe(message);
  });

  test('a lane that is going just now is in hand; a moment later it is made again', async () => {
    const { message, delivery } = await failedMessage();
    await lanes.say(openid, 'second');
    const lane = await worker.take(openid);
    const result = await hold(
      (client) => worker.on(client).settle(lane),
      () => requeue(delivery),
    );
    expect(result).toBe('in_hand');
    expect(await lanes.lanesOf(openid)).toEqual([]);
    expect(await requeue(delivery)).toBe('requeued');
    expect(await worker.answer(openid)).toEqual([message]);
  });
});

describe('requeue and arrive', () => {
  test('what arrives while a lane is made for a requeue joins it, behind what was requeued', async () => {
    const { message, delivery } = await failedMessage();
    const stored = await blocked(
      (client) => requeue(delivery, client),
      () => lanes.arrive(textMessage({ openid, content: 'later' })),
    );
    expect(stored).toEqual(['stored']);
    expect(await lanes.lanesOf(openid)).toMatchObject([{ waiting: 2, claim: null }]);
    const answered = await worker.answer(openid);
    expect(answered).toHaveLength(2);
    expect(answered[0]).toBe(message);
  });

  test('a requeue joins the lane of a message that is being stored', async () => {
    const { message, delivery } = await failedMessage();
    const result = await blocked(
      (client) => createLanes(client).arrive(textMessage({ openid, content: 'later' })),
      () => requeue(delivery),
    );
    expect(result).toBe('requeued');
    expect(await lanes.lanesOf(openid)).toMatchObject([{ waiting: 2, claim: null }]);
    const answered = await worker.answer(openid);
    expect(answered).toHaveLength(2);
    expect(answered[0]).toBe(message);
  });

  test('two requeues of one delivery requeue it once', async () => {
    const { delivery } = await failedMessage();
    const second = await blocked(
      (client) => requeue(delivery, client),
      () => requeue(delivery),
    );
    expect(second).toBe('waiting');
    expect(await lanes.lanesOf(openid)).toMatchObject([{ waiting: 1 }]);
  });
});

/** A delivery whose attempt was begun by a worker that then lost the lane. */
async function abandoned() {
  const message = await lanes.say(openid);
  const lane = await worker.take(openid);
  const [delivery] = (await worker.plan(lane, 'answer')) ?? [];
  if (!delivery) throw new Error('nothing was planned');
  const free = () =>
    database.rows('update wechat.lane set claim = null, worker_id = null, claimed_at = null where id = $1', [
      lane.laneId,
    ]);
  return { message, lane, delivery, free };
}

describe('cancel', () => {
  test('against settle: what is being settled is in hand, and then final', async () => {
    const { lane, delivery } = await abandoned();
    expect(await cancel(delivery.id)).toBe('in_hand');
    const result = await hold(
      (client) => worker.on(client).settle(lane, { end: sent(delivery) }),
      () => cancel(delivery.id),
    );
    expect(result).toBe('in_hand');
    expect(await cancel(delivery.id)).toBe('final');
    expect(await statusOf(delivery.id)).toBe('sent');
  });

  test('against settle: who lost the lane changes nothing of what was cancelled, but for the truth on record', async () => {
    const { lane, delivery, free } = await abandoned();
    await free();
    const outcome = () =>
      database.rows('select outcome from wechat.delivery_attempt where delivery_id = $1', [delivery.id]);
    const result = await blocked(
      (client) => cancel(delivery.id, client),
      () => worker.settle(lane, { end: sent(delivery) }),
    );
    expect(result).toBe('refused');
    expect(await statusOf(delivery.id)).toBe('cancelled');
    expect(await outcome()).toEqual([{ outcome: 'sent' }]);
    expect(await lanes.lanesOf(openid)).toEqual([]);
  });

  test('puts an attempt that was left behind on record as unknown', async () => {
    const { delivery, free } = await abandoned();
    await free();
    expect(await cancel(delivery.id)).toBe('cancelled');
    expect(
      await database.rows('select outcome from wechat.delivery_attempt where delivery_id = $1', [
        delivery.id,
      ]),
    ).toEqual([{ outcome: 'unknown' }]);
  });

  test('against claim: what is being cancelled is not claimed, and what waited behind it is then', async () => {
    const { delivery, free } = await abandoned();
    const behind = await lanes.say(openid, 'behind');
    await free();
    const early = await hold(
      (client) => cancel(delivery.id, client),
      () => worker.claim(openid),
    );
    expect(early).toEqual([]);
    expect(await lanes.lanesOf(openid)).toMatchObject([{ waiting: 1, claim: null }]);
    expect(await worker.answer(openid)).toEqual([behind]);
  });

  test('against claim: a lane that is being claimed is in hand', async () => {
    const { delivery, free } = await abandoned();
    await free();
    const result = await hold(
      (client) => worker.on(client).take(openid),
      () => cancel(delivery.id),
    );
    expect(result).toBe('in_hand');
    expect(await statusOf(delivery.id)).toBe('sending');
  });
});

describe('forget', () => {
  const forgotten = { messages: 1, deliveries: 1, given_up: 0, in_hand: 0 };

  test('against claim: who is being forgotten is not claimed, before or after', async () => {
    const { free } = await abandoned();
    await free();
    const early = await hold(
      async (client) => expect(await forget(client)).toEqual({ ...forgotten, given_up: 1 }),
      () => worker.claim(openid),
    );
    expect(early).toEqual([]);
    expect(await lanes.lanesOf(openid)).toEqual([]);
  });

  test('against claim: nothing is forgotten while a worker claims or has the lane, but what waits is given up', async () => {
    const first = await lanes.say(openid, 'first');
    await lanes.say(openid, 'second');
    const early = await hold(
      (client) => worker.on(client).take(openid),
      () => forget(),
    );
    expect(early).toEqual({ messages: 0, deliveries: 0, given_up: 0, in_hand: 2 });
    expect(await forget()).toEqual({ messages: 0, deliveries: 0, given_up: 1, in_hand: 1 });
    expect(await lanes.lanesOf(openid)).toMatchObject([{ waiting: 1, worker_id: worker.id }]);
    await database.rows('update wechat.lane set claim = null, worker_id = null, claimed_at = null');
    expect(await worker.answer(openid)).toEqual([first]);
    expect(await forget()).toMatchObject({ messages: 2, in_hand: 0 });
  });

  test('against arrive: what arrives meanwhile waits, is stored under the openid, and is answered', async () => {
    await failedMessage();
    const stored = await blocked(
      async (client) => expect(await forget(client)).toEqual(forgotten),
      () => lanes.arrive(textMessage({ openid, content: 'later' })),
    );
    expect(stored).toEqual(['stored']);
    expect(await lanes.lanesOf(openid)).toMatchObject([{ waiting: 1, claim: null }]);
    expect(await worker.answer(openid)).toHaveLength(1);
    expect(
      await database.rows('select content from wechat.inbound_message where openid = $1', [openid]),
    ).toEqual([{ content: 'later' }]);
  });

  test('against arrive: what is stored before it has its turn is given up and forgotten as well', async () => {
    await failedMessage();
    const result = await blocked(
      (client) => createLanes(client).arrive(textMessage({ openid, content: 'before' })),
      () => forget(),
    );
    expect(result).toEqual({ ...forgotten, messages: 2, given_up: 1 });
    expect(await database.rows('select from wechat.inbound_message where openid = $1', [openid])).toEqual([]);
  });

  test('against requeue: one of them finds the other has the conversation in hand', async () => {
    const { delivery } = await failedMessage();
    const result = await blocked(
      (client) => requeue(delivery, client),
      () => forget(),
    );
    expect(result).toEqual({ ...forgotten, given_up: 1 });
    expect(await requeue(delivery)).toBe('forgotten');
  });
});

describe('send and claim', () => {
  test('what is being sent by hand is claimed after the commit', async () => {
    const { message } = await failedMessage();
    const early = await hold(
      async (client) => expect(await send(client)).toBe('queued'),
      () => worker.claim(openid),
    );
    expect(early).toEqual([]);
    const lane = await worker.take(openid);
    expect(lane.message).toMatchObject({ id: message, isPlanned: true, deliveries: [{ position: 2 }] });
  });

  test('a lane that is being claimed, or held, is busy; so is a message that is not planned yet', async () => {
    await lanes.say(openid);
    expect(await send()).toBe('busy');
    const result = await hold(
      (client) => worker.on(client).take(openid),
      () => send(),
    );
    expect(result).toBe('busy');
    expect(await send()).toBe('busy');
  });
});
