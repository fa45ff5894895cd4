import { beforeEach, describe, expect, test } from 'vitest';
import { lockClass } from '../../src/db/locks.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createLanes, type Lanes, type LaneWorker, refused, sent } from '../support/lanes.js';

const appId = 'wxoperators';

let database: TestDatabase;
let lanes: Lanes;
let worker: LaneWorker;

beforeEach(async () => {
  database = await createTestDatabase();
  lanes = createLanes(database.pool, { appId });
  worker = await lanes.worker();
  return () => database.drop();
});

/** The only value of the only row. */
async function value(text: string, values: unknown[] = []) {
  const [row] = await database.rows<Record<string, unknown>>(text, values);
  return Object.values(row ?? {})[0];
}

const deliveries = () =>
  database.rows<{ id: string; status: string; attempts: number }>(
    'select id, status, attempts from wechat.delivery order by id',
  );

const actions = () =>
  database.rows<Record<string, unknown>>(
    'select action, actor, app_id, details, affected from wechat.operator_action order by id',
  );

/** Ids of the lanes that graphile-worker would tell workers of. */
async function rung(): Promise<string[]> {
  const rows = await database.rows<{ id: string }>(
    `select jsonb_array_elements_text(payload::jsonb -> 'ids') as id from graphile_worker._private_jobs`,
  );
  return rows.map(({ id }) => id);
}

/** Messages by hand, each with one delivery; those that wait are in a lane. */
async function fill(rows: readonly { user: string; status: string; windowEnds?: string }[]) {
  const ids: string[] = [];
  for (const { user, status, windowEnds = '1 hour' } of rows) {
    const open = ['pending', 'sending'].includes(status);
    const [row] = await database.rows<{ id: string }>(
      `with message as (
         insert into wechat.inbound_message
           (app_id, dedupe_key, openid, msg_type, created_at, payload, window_ends_at, status, settled_at)
         values ($1, gen_random_uuid(), $2, 'text', now() - interval '2 hours', '{}', now() + $4::interval,
           $5, case when $5 = 'settled' then now() end)
         returning id, app_id, openid
       ),
       lane as (
         insert into wechat.lane as l (app_id, openid, arrivals, waiting, done_id)
         select app_id, openid, 1, 1, id - 1 from message where $5 = 'received'
         on conflict (app_id, openid, slot) do update set arrivals = l.arrivals + 1, waiting = l.waiting + 1
       )
       insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, sent_at, attempts,
         attempt_started_at)
       select id, 1, app_id, openid, 'text', '{"msgtype": "text", "text": {"content": "hi"}}', $3,
         case when $3 = 'sent' then now() end, 1, now() from message
       returning id`,
      [appId, user, status, windowEnds, open ? 'received' : 'settled'],
    );
    ids.push(row?.id ?? '');
  }
  return ids;
}

describe('wechat.requeue', () => {
  test('says why not, for each, and changes nothing then', async () => {
    const [sent, waiting, closed, ready] = await fill([
      { user: 'o1', status: 'sent' },
      { user: 'o2', status: 'pending' },
      { user: 'o3', status: 'expired', windowEnds: '-1 minute' },
      { user: 'o4', status: 'failed' },
    ]);
    const all = [sent, waiting, closed, ready, '999'];
    const verdicts = await database.rows('select delivery_id, verdict from wechat.requeue_verdict($1)', [
      all,
    ]);
    const why = [
      { delivery_id: sent, verdict: 'sent' },
      { delivery_id: waiting, verdict: 'waiting' },
      { delivery_id: closed, verdict: 'window_closed' },
      { delivery_id: ready, verdict: 'ready' },
      { delivery_id: '999', verdict: 'not_found' },
    ];
    expect(verdicts).toEqual(why);
    const results = await database.rows('select * from wechat.requeue_many($1)', [all.slice(0, 3)]);
    expect(results).toEqual(why.slice(0, 3).map(({ verdict, ...one }) => ({ ...one, result: verdict })));
    expect(await actions()).toEqual([]);
    expect((await deliveries()).map(({ status }) => status)).toEqual([
      'sent',
      'pending',
      'expired',
      'failed',
    ]);
  });

  test('puts the message back into its lane, with a ring, and leaves no lane where it does nothing', async () => {
    const [ready, closed] = await fill([
      { user: 'o1', status: 'failed' },
      { user: 'o2', status: 'failed', windowEnds: '-1 minute' },
    ]);
    expect(await database.rows('select * from wechat.requeue_many($1)', [[ready, closed]])).toEqual([
      { delivery_id: ready, result: 'requeued' },
      { delivery_id: closed, result: 'window_closed' },
    ]);
    const [lane] = await lanes.lanesOf('o1');
    expect(lane).toMatchObject({ waiting: 1, claim: null });
    expect(await lanes.lanesOf('o2')).toEqual([]);
    expect(await rung()).toEqual([lane?.id]);
    expect((await worker.take('o1')).message?.deliveries).toMatchObject([{ id: ready, attempts: 1 }]);
  });

  test('rings with priority where the reply window is of minutes', async () => {
    const [failed] = await fill([{ user: 'o1', status: 'failed', windowEnds: '1 minute' }]);
    await database.rows('update wechat.inbound_message set created_at = now()');
    expect(await value('select wechat.requeue($1)', [failed])).toBe('requeued');
    expect(await value('select priority from graphile_worker.jobs')).toBe(-10);
  });

  test('takes many of one user, and of many users', async () => {
    const many = Array.from({ length: 80 }, (_, index) => ({ user: `o${index % 40}`, status: 'failed' }));
    const one = Array.from({ length: 40 }, () => ({ user: 'oBusy', status: 'failed' }));
    const ids = await fill([...many, ...one]);
    const results = await database.rows<{ result: string }>('select result from wechat.requeue_many($1)', [
      ids,
    ]);
    expect(new Set(results.map(({ result }) => result))).toEqual(new Set(['requeued']));
    expect(await lanes.lanesOf('oBusy')).toMatchObject([{ waiting: 40 }]);
    expect(await value('select sum(waiting)::int from wechat.lane')).toBe(120);
    const answered = await worker.answer('oBusy');
    expect(answered).toHaveLength(40);
    expect(answered).toEqual([...answered].sort((left, right) => Number(left) - Number(right)));
  });

  test('leaves a message alone that a worker has in hand, or that somebody else is changing', async () => {
    await lanes.say('o1');
    const lane = await worker.take('o1');
    const [first] = (await worker.plan(lane, 'one', 'two')) ?? [];
    if (first) await worker.end(lane, refused(first));
    expect(await value('select wechat.requeue($1)', [first?.id])).toBe('in_hand');
    await worker.release(lane);
    for (const table of ['inbound_message', 'lane']) {
      const other = await database.pool.connect();
      await other.query('begin');
      await other.query(`select from wechat.${table} for update`);
      expect(await value('select wechat.requeue($1)', [first?.id])).toBe('in_hand');
      await other.query('rollback');
      other.release();
    }
    expect(await value('select wechat.requeue($1)', [first?.id])).toBe('requeued');
    expect((await worker.take('o1')).message?.deliveries).toMatchObject([{ position: 1 }, { position: 2 }]);
  });

  test('follows the window that the user opened since', async () => {
    const [old] = await fill([
      { user: 'o1', status: 'expired', windowEnds: '-1 minute' },
      { user: 'o1', status: 'sent', windowEnds: '1 hour' },
    ]);
    expect(await value('select wechat.requeue($1)', [old])).toBe('requeued');
    expect((await worker.take('o1')).message?.windowEndsAt?.getTime()).toBeGreaterThan(Date.now());
  });

  test('believes WeChat that the window is over, until the user does something', async () => {
    const [expired] = await fill([{ user: 'o1', status: 'expired' }]);
    await database.pool.query('update wechat.delivery set errcode = 45015');
    expect(await value('select wechat.requeue($1)', [expired])).toBe('window_closed');
    await fill([{ user: 'o1', status: 'sent' }]);
    await database.pool.query(
      `update wechat.inbound_message set created_at = now() + interval '1 second' where id > 1`,
    );
    expect(await value('select wechat.requeue($1)', [expired])).toBe('requeued');
  });

  test('by filter takes what ended in that state, with that code, so recently', async () => {
    const ids = await fill([
      { user: 'o1', status: 'failed' },
      { user: 'o2', status: 'unknown' },
      { user: 'o3', status: 'failed' },
      { user: 'o4', status: 'failed' },
    ]);
    await database.pool.query('update wechat.delivery set errcode = 45002 where id = any($1)', [
      [ids[0], ids[2]],
    ]);
    await database.pool.query(
      `update wechat.inbound_message set settled_at = now() - interval '3 hours' where openid = 'o1'`,
    );
    const candidates = (named: string) =>
      database
        .rows<{ id: string }>(`select id from wechat.requeue_candidates(${named}) as id`)
        .then((rows) => rows.map(({ id }) => id));
    expect(await candidates('')).toEqual([ids[0], ids[2], ids[3]]);
    expect(await candidates(`code => 45002, since => '2 hours'`)).toEqual([ids[2]]);
    expect(await candidates(`state => 'unknown'`)).toEqual([ids[1]]);
    expect(await candidates('max => 1')).toEqual([ids[0]]);
    expect(await candidates(`account => 'wxother'`)).toEqual([]);
    await expect(candidates(`state => 'sent'`)).rejects.toThrow('state must be failed, expired, unknown or');
  });
});

describe('wechat.requeue_message', () => {
  test('has the reply logic begin anew, with a clean slate', async () => {
    const message = await lanes.say('o1');
    const lane = await worker.take('o1');
    await worker.settle(lane, { status: 'failed', error: 'a bug' });
    await lanes.say('o1', 'later');
    await worker.release(await worker.take('o1'), { failure: 'another bug', delayMs: 60_000 });
    expect(await value('select wechat.requeue_message($1)', [message])).toBe('requeued');
    expect(await lanes.lanesOf('o1')).toMatchObject([{ waiting: 2, failures: 0, crashes: 0, error: null }]);
    expect(await value('select error from wechat.inbound_message where id = $1', [message])).toBeNull();
    expect(await value('select wechat.requeue_message($1)', [message])).toBe('not_failed');
    expect((await worker.take('o1')).message?.id).toBe(message);
    expect(await actions()).toMatchObject([{ action: 'requeue_message', affected: 1 }]);
  });

  test('does not wipe out what is counted against a message before it', async () => {
    const poison = await lanes.say('o1', 'poison');
    const failed = await lanes.say('o1', 'failed');
    await database.rows(
      `update wechat.inbound_message set status = 'failed', settled_at = now() where id = $1`,
      [failed],
    );
    await database.rows('update wechat.lane set crashes = 3, waiting = 1');
    expect(await value('select wechat.requeue_message($1)', [failed])).toBe('requeued');
    expect(await lanes.lanesOf('o1')).toMatchObject([{ crashes: 3, waiting: 2 }]);
    expect((await worker.take('o1')).message?.id).toBe(poison);
  });
});

describe('wechat.cancel', () => {
  test('puts an attempt on record whose end nobody knows', async () => {
    const [begun] = await fill([{ user: 'o1', status: 'sending' }]);
    expect(await value('select wechat.cancel($1)', [begun])).toBe('cancelled');
    expect(await database.rows('select attempt, outcome from wechat.delivery_attempt')).toEqual([
      { attempt: 1, outcome: 'unknown' },
    ]);
    expect(await value('select status from wechat.inbound_message')).toBe('settled');
    expect(await lanes.lanesOf('o1')).toEqual([]);
  });

  test('lets the next of the conversation go on at once, with a ring and a clean slate', async () => {
    const [first] = await fill([
      { user: 'o1', status: 'pending' },
      { user: 'o1', status: 'pending' },
    ]);
    await database.rows(
      `update wechat.lane set failures = 3, error = 'x', due_at = now() + interval '1 hour'`,
    );
    expect(await value('select wechat.cancel($1)', [first])).toBe('cancelled');
    const [lane] = await lanes.lanesOf('o1');
    expect(lane).toMatchObject({ waiting: 1, failures: 0, error: null });
    expect(await rung()).toEqual([lane?.id]);
    expect((await worker.take('o1')).message?.deliveries).toMatchObject([{ position: 1 }]);
  });

  test('lets the next delivery of the same message go on at once, which waited for the retry', async () => {
    const id = await lanes.say('o1');
    const lane = await worker.take('o1');
    const [first, second, third] = (await worker.plan(lane, 'one', 'two', 'three')) ?? [];
    if (!first || !second || !third) throw new Error('Three were planned');
    const tryAgain = { status: 'pending', delayMs: 600_000 } as const;
    await worker.end(lane, { ...refused({ ...first, attempts: 1 }), ...tryAgain });
    await worker.release(lane, { delayMs: 600_000 });
    await database.rows('delete from graphile_worker._private_jobs');
    expect(await value('select wechat.cancel($1)', [third.id])).toBe('cancelled');
    expect(await worker.claim('o1')).toEqual([]);
    expect(await rung()).toEqual([]);
    expect(await value('select wechat.cancel($1)', [first.id])).toBe('cancelled');
    expect(await rung()).toEqual([lane.laneId]);
    expect((await worker.take('o1')).message).toMatchObject({ id, deliveries: [{ id: second.id }] });
  });

  test('leaves the first as it is where one behind it is given up', async () => {
    const [first, second] = await fill([
      { user: 'o1', status: 'pending' },
      { user: 'o1', status: 'pending' },
    ]);
    await database.rows(`update wechat.lane set failures = 3, due_at = now() + interval '1 hour'`);
    expect(await value('select wechat.cancel($1)', [second])).toBe('cancelled');
    expect(await lanes.lanesOf('o1')).toMatchObject([{ waiting: 1, failures: 3 }]);
    expect(await worker.claim('o1')).toEqual([]);
    expect(await rung()).toEqual([]);
    expect(await value('select wechat.cancel($1)', [first])).toBe('cancelled');
    expect(await lanes.lanesOf('o1')).toEqual([]);
  });

  test('of a message gives up the reply logic too, but not what a worker has in hand', async () => {
    const id = await lanes.say('o1');
    const lane = await worker.take('o1');
    expect(await value('select wechat.cancel_message($1)', [id])).toBe('in_hand');
    await worker.release(lane);
    expect(await value('select wechat.cancel_message($1)', [id])).toBe('cancelled');
    expect(await lanes.lanesOf('o1')).toEqual([]);
    expect(await value('select wechat.cancel_message($1)', [id])).toBe('final');
    expect(await value('select wechat.cancel_message(999)')).toBe('not_found');
    expect(await value('select error from wechat.inbound_message')).toBe('cancelled by an operator');
  });

  test('of a message gives up all its deliveries', async () => {
    await fill([{ user: 'o1', status: 'pending' }]);
    const id = await value('select id from wechat.inbound_message');
    expect(await value('select wechat.cancel_message($1)', [id])).toBe('cancelled');
    expect((await deliveries()).map(({ status }) => status)).toEqual(['cancelled']);
  });
});

describe('wechat.hold_messages', () => {
  const holdBack = (id: string) => value('select result from wechat.hold_messages(array[$1::bigint])', [id]);

  test('frees what a dead worker has, with a ring, also where another message is its first', async () => {
    const first = await lanes.say('o1');
    const second = await lanes.say('o1');
    const lane = await worker.take('o1');
    await database.rows('delete from graphile_worker._private_jobs');
    expect(await holdBack(second)).toBe('held');
    expect(await lanes.lanesOf('o1')).toMatchObject([{ claim: null, waiting: 1 }]);
    expect(await rung()).toEqual([lane.laneId]);
    expect(await worker.look(lane)).toBeUndefined();
    expect(await worker.answer('o1')).toEqual([first]);
  });

  test('leaves alone what a worker that lives has in hand', async () => {
    const id = await lanes.say('o1');
    const lane = await worker.take('o1');
    const session = await database.pool.connect();
    try {
      await session.query('select pg_advisory_lock($1, $2)', [lockClass, worker.id]);
      expect(await holdBack(id)).toBe('in_hand');
    } finally {
      session.release(true);
    }
    expect(await worker.settle(lane)).toBe('gone');
    expect(await holdBack(id)).toBe('final');
  });
});

describe('wechat.send', () => {
  const hello = { msgtype: 'text', text: { content: 'from a person' } };
  const send = () => value('select result from wechat.send($1, $2, $3)', [appId, 'o1', hello]);

  test('does not break into a message that is being answered', async () => {
    await lanes.say('o1');
    expect(await send()).toBe('busy');
    const lane = await worker.take('o1');
    const [delivery] = (await worker.plan(lane, 'answer')) ?? [];
    expect(await send()).toBe('busy');
    await worker.release(lane, { delayMs: 3_600_000 });
    expect(await send()).toBe('queued');
    // It goes behind what waits, which waits on.
    expect(await worker.claim('o1')).toEqual([]);
    expect(await database.rows('select position, origin, status from wechat.delivery order by id')).toEqual([
      { position: 1, origin: 'reply', status: 'sending' },
      { position: 2, origin: 'operator', status: 'pending' },
    ]);
    expect(delivery).toBeDefined();
  });

  test('opens what was settled, and rings', async () => {
    await lanes.say('o1');
    await worker.answer('o1');
    await database.rows('delete from graphile_worker._private_jobs');
    expect(await send()).toBe('queued');
    const [lane] = await lanes.lanesOf('o1');
    expect(lane).toMatchObject({ waiting: 1 });
    expect(await rung()).toEqual([lane?.id]);
    const held = await worker.take('o1');
    const [open] = held.message?.deliveries ?? [];
    if (!open) throw new Error('nothing is open');
    await worker.begin(held, open.id, 1);
    expect(await worker.settle(held, { end: sent({ ...open, attempts: 1 }) })).toBe('gone');
  });
});

test('an operator may call the functions and read, but neither write by hand nor see a token', async () => {
  const [failed] = await fill([{ user: 'o1', status: 'failed' }]);
  const client = await database.pool.connect();
  try {
    await client.query(`insert into wechat.credential (app_id, kind, value, expires_at)
      values ('wx', 'access_token', 'secret', now())`);
    await client.query('set role wechat_operator');
    await client.query(`select set_config('wechat.operator', 'anna@shop', false)`);
    expect((await client.query('select wechat.requeue($1) as result', [failed])).rows).toEqual([
      { result: 'requeued' },
    ]);
    expect((await client.query('select actor from wechat.operator_action')).rows).toEqual([
      { actor: 'anna@shop' },
    ]);
    await client.query('select app_id, expires_at from wechat.credential');
    await client.query('select * from wechat.lane, wechat.backlog()');
    for (const forbidden of [
      'select value from wechat.credential',
      'select * from wechat.credential',
      `update wechat.delivery set status = 'sent'`,
      'delete from wechat.operator_action',
      'update wechat.lane set claim = null',
      'insert into wechat.account_pause (app_id, reason) values (1, 2)',
      `select wechat.record_action('x', 'y', '{}', 1)`,
      'select wechat.end_pause($$wx$$)',
    ]) {
      await expect(client.query(forbidden), forbidden).rejects.toThrow('permission denied');
    }
    await client.query('reset role');
    // Nobody else may, whatever schema they can see.
    await client.query('create role nobody_special');
    await client.query('grant usage on schema wechat to nobody_special; set role nobody_special');
    for (const call of [
      `wechat.requeue_many('{1}')`,
      `wechat.requeue_messages('{1}')`,
      `wechat.cancel_many('{1}')`,
      'wechat.cancel_message(1)',
      `wechat.send('a', 'b', '{}')`,
      `wechat.pause('a')`,
      `wechat.resume('a')`,
      `wechat.forget('a', 'b')`,
    ])
      await expect(client.query(`select ${call}`), call).rejects.toThrow('permission denied');
  } finally {
    await client.query('reset role; drop owned by nobody_special; drop role nobody_special');
    client.release();
  }
});
