import { describe, expect, test } from 'vitest';
import { createClaims } from '../../src/outbox/claim.js';
import type { Replies } from '../../src/replies/router.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const echo: Replies = ({ message }) => (message.kind === 'text' ? message.content : undefined);

const refused = { errcode: 45002, errmsg: 'content size out of limit' };

/** The only value of the only row. */
async function value({ database }: Pick<Stage, 'database'>, text: string, values: unknown[] = []) {
  const [row] = await database.rows<Record<string, unknown>>(text, values);
  return Object.values(row ?? {})[0];
}

const deliveries = ({ database }: Pick<Stage, 'database'>) =>
  database.rows<{ id: string; status: string; attempts: number }>(
    'select id, status, attempts from wechat.delivery order by id',
  );

const actions = ({ database }: Pick<Stage, 'database'>) =>
  database.rows<Record<string, unknown>>(
    'select action, actor, app_id, details, affected from wechat.operator_action order by id',
  );

/** Messages by hand, each with one delivery, in a database without a service. */
async function fill(stage: Stage, rows: readonly { user: string; status: string; windowEnds?: string }[]) {
  const ids: string[] = [];
  for (const { user, status, windowEnds = '1 hour' } of rows) {
    const open = ['pending', 'sending'].includes(status);
    const [row] = await stage.database.rows<{ id: string }>(
      `with message as (
         insert into wechat.inbound_message
           (app_id, dedupe_key, openid, msg_type, created_at, payload, window_ends_at, status, settled_at)
         values ($1, gen_random_uuid(), $2, 'text', now() - interval '2 hours', '{}', now() + $4::interval,
           $5, case when $5 = 'settled' then now() end)
         returning id, app_id, openid
       )
       insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, sent_at, attempts,
         attempt_started_at)
       select id, 1, app_id, openid, 'text', '{"msgtype": "text", "text": {"content": "hi"}}', $3,
         case when $3 = 'sent' then now() end, 1, now() from message
       returning id`,
      [stage.account.appId, user, status, windowEnds, open ? 'answering' : 'settled'],
    );
    ids.push(row?.id ?? '');
  }
  return ids;
}

async function claimOne({ database }: Stage): Promise<void> {
  const [worker] = await database.rows<{ id: number }>(
    `insert into wechat.worker_process (hostname, pid) values ('test', 0) returning id`,
  );
  const [head] = await database.rows<{ id: string }>('select min(id) as id from wechat.inbound_message');
  await createClaims(database.pool).claim([head?.id ?? ''], worker?.id ?? 0);
}

describe('wechat.requeue', () => {
  test('sends again what failed, once however often it is called, with the attempts of before on record', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ replies: echo });
    simulator.faults.add({ fault: refused });
    await simulator.user('o1').say('first');
    await settled(database, 1);
    const [failed] = await deliveries(stage);
    expect(failed).toMatchObject({ status: 'failed' });

    const calls = Array.from({ length: 6 }, () => value(stage, 'select wechat.requeue($1)', [failed?.id]));
    const results = await Promise.all(calls);
    expect(results.filter((result) => result === 'requeued')).toHaveLength(1);
    await settled(database, 1);
    expect(simulator.inboxOf('o1').map(({ text }) => text)).toEqual(['first']);
    expect(await deliveries(stage)).toEqual([{ id: failed?.id, status: 'sent', attempts: 2 }]);
    expect(
      await database.rows('select attempt, outcome, errcode from wechat.delivery_attempt order by attempt'),
    ).toEqual([
      { attempt: 1, outcome: 'permanent', errcode: 45002 },
      { attempt: 2, outcome: 'sent', errcode: 0 },
    ]);
    expect(await value(stage, 'select wechat.requeue($1)', [failed?.id])).toBe('sent');
    expect(await actions(stage)).toMatchObject([
      { action: 'requeue', app_id: stage.account.appId, affected: 1, details: { force: false } },
    ]);
  });

  test('keeps the order: what was requeued goes before what the user wrote later', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    await start({ replies: echo });
    simulator.faults.add({ times: 2, fault: refused });
    await simulator.user('o1').say('first');
    await simulator.user('o1').say('second');
    await settled(database, 2);
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    await simulator.user('o1').say('third');
    const requeued = await database.rows('select * from wechat.requeue_failed()');
    expect(requeued).toHaveLength(2);
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    await settled(database, 3);
    expect(simulator.inboxOf('o1').map(({ text }) => text)).toEqual(['first', 'second', 'third']);
  });

  test('says why not, for each, and changes nothing then', async () => {
    const stage = await setStage();
    const [sent, waiting, closed, ready] = await fill(stage, [
      { user: 'o1', status: 'sent' },
      { user: 'o2', status: 'pending' },
      { user: 'o3', status: 'expired', windowEnds: '-1 minute' },
      { user: 'o4', status: 'failed' },
    ]);
    const all = [sent, waiting, closed, ready, '999'];
    const verdicts = await stage.database.rows(
      'select delivery_id, verdict from wechat.requeue_verdict($1)',
      [all],
    );
    const why = [
      { delivery_id: sent, verdict: 'sent' },
      { delivery_id: waiting, verdict: 'waiting' },
      { delivery_id: closed, verdict: 'window_closed' },
      { delivery_id: ready, verdict: 'ready' },
      { delivery_id: '999', verdict: 'not_found' },
    ];
    expect(verdicts).toEqual(why);
    const results = await stage.database.rows('select * from wechat.requeue_many($1)', [all.slice(0, 3)]);
    expect(results).toEqual(why.slice(0, 3).map(({ verdict, ...one }) => ({ ...one, result: verdict })));
    expect(await actions(stage)).toEqual([]);
    expect((await deliveries(stage)).map(({ status }) => status)).toEqual([
      'sent',
      'pending',
      'expired',
      'failed',
    ]);
  });

  test('leaves a message alone that a worker has in hand, or that somebody else is changing', async () => {
    const stage = await setStage();
    const [failed] = await fill(stage, [{ user: 'o1', status: 'failed' }]);
    await stage.database.pool.query(
      `update wechat.inbound_message set status = 'answering', settled_at = null`,
    );
    await claimOne(stage);
    expect(await value(stage, 'select wechat.requeue($1)', [failed])).toBe('in_hand');
    await stage.database.pool.query('update wechat.inbound_message set claimed_by = null, claimed_at = null');
    const other = await stage.database.pool.connect();
    await other.query('begin');
    await other.query('select from wechat.inbound_message for update');
    expect(await value(stage, 'select wechat.requeue($1)', [failed])).toBe('in_hand');
    await other.query('rollback');
    other.release();
    expect(await value(stage, 'select wechat.requeue($1)', [failed])).toBe('requeued');
  });

  test('asks WeChat past the window only by force, and goes on asking while it does not answer', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    const [closed] = await fill(stage, [{ user: 'o1', status: 'expired', windowEnds: '-1 minute' }]);
    expect(await value(stage, 'select wechat.requeue($1)', [closed])).toBe('window_closed');
    await start({ role: 'worker', replies: echo });
    simulator.faults.add({ times: 2, fault: { errcode: -1 } });
    expect(await value(stage, 'select wechat.requeue($1, true)', [closed])).toBe('requeued');
    await settled(database, 1);
    // The simulated user never wrote: WeChat itself refuses. By the closed window it would have ended at the first -1.
    expect(
      await database.rows('select errcode from wechat.delivery_attempt where attempt > 1 order by attempt'),
    ).toEqual([{ errcode: -1 }, { errcode: -1 }, { errcode: 45015 }]);
  });

  test('follows the window that the user opened since', async () => {
    const stage = await setStage();
    const [old] = await fill(stage, [
      { user: 'o1', status: 'expired', windowEnds: '-1 minute' },
      { user: 'o1', status: 'sent', windowEnds: '1 hour' },
    ]);
    expect(await value(stage, 'select wechat.requeue($1)', [old])).toBe('requeued');
    await claimOneAndSeeWindow(stage);
  });

  test('believes WeChat that the window is over, until the user does something', async () => {
    const stage = await setStage();
    const [expired] = await fill(stage, [{ user: 'o1', status: 'expired' }]);
    await stage.database.pool.query('update wechat.delivery set errcode = 45015');
    expect(await value(stage, 'select wechat.requeue($1)', [expired])).toBe('window_closed');
    await fill(stage, [{ user: 'o1', status: 'sent' }]);
    await stage.database.pool.query(
      `update wechat.inbound_message set created_at = now() + interval '1 second' where id > 1`,
    );
    expect(await value(stage, 'select wechat.requeue($1)', [expired])).toBe('requeued');
  });

  test('runs the reply logic again where it had failed for good', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    let isBroken = true;
    await start({
      replies: () => {
        if (isBroken) throw new Error('a bug');
        return 'mended';
      },
    });
    await simulator.user('o1').say('hello');
    const id = await waitFor('the message to fail', () =>
      value(stage, `select id from wechat.inbound_message where status = 'failed'`),
    );
    isBroken = false;
    expect(await value(stage, 'select wechat.requeue_message($1)', [id])).toBe('requeued');
    await settled(database, 1);
    expect(simulator.inboxOf('o1').map(({ text }) => text)).toEqual(['mended']);
    expect(await value(stage, 'select wechat.requeue_message($1)', [id])).toBe('not_failed');
    expect(await value(stage, 'select wechat.requeue_message(999)')).toBe('not_found');
    expect(await actions(stage)).toMatchObject([{ action: 'requeue_message', affected: 1 }]);
  });

  test('by filter takes what ended in that state, with that code, so recently', async () => {
    const stage = await setStage();
    const ids = await fill(stage, [
      { user: 'o1', status: 'failed' },
      { user: 'o2', status: 'unknown' },
      { user: 'o3', status: 'failed' },
      { user: 'o4', status: 'failed' },
    ]);
    await stage.database.pool.query('update wechat.delivery set errcode = 45002 where id = any($1)', [
      [ids[0], ids[2]],
    ]);
    await stage.database.pool.query(
      `update wechat.inbound_message set settled_at = now() - interval '3 hours' where openid = 'o1'`,
    );
    const candidates = (named: string) =>
      stage.database
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

/** A worker that claims it goes by the longest window. */
async function claimOneAndSeeWindow(stage: Stage): Promise<void> {
  const [worker] = await stage.database.rows<{ id: number }>(
    `insert into wechat.worker_process (hostname, pid) values ('test', 0) returning id`,
  );
  const [head] = await stage.database.rows<{ id: string }>(
    'select min(id) as id from wechat.inbound_message',
  );
  const claims = createClaims(stage.database.pool);
  const [message] = await claims.claim([head?.id ?? ''], worker?.id ?? 0);
  expect(message?.windowEndsAt?.getTime()).toBeGreaterThan(Date.now());
}

describe('wechat.cancel', () => {
  test('gives up what waits; the message is settled, and the next of the conversation goes on', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({
      replies: echo,
      retryPolicy: { baseMs: 600_000, capMs: 600_000, maxFailures: 5, maxUnlistedFailures: 5 },
    });
    simulator.faults.add({ fault: { errcode: -1 } });
    await simulator.user('o1').say('first');
    const id = await waitFor('the retry to wait', () =>
      value(
        stage,
        `select d.id from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
         where d.status = 'pending' and d.failures = 1 and m.claimed_by is null`,
      ),
    );
    await simulator.user('o1').say('second');
    expect(simulator.inboxOf('o1')).toEqual([]);
    expect(await value(stage, 'select wechat.cancel($1)', [id])).toBe('cancelled');
    await settled(database, 2);
    expect(simulator.inboxOf('o1').map(({ text }) => text)).toEqual(['second']);
    expect(await value(stage, 'select wechat.cancel($1)', [id])).toBe('final');
    expect(await value(stage, 'select wechat.cancel(999)')).toBe('not_found');
    expect(await actions(stage)).toMatchObject([{ action: 'cancel', affected: 1 }]);
  });

  test('puts an attempt on record whose end nobody knows', async () => {
    const stage = await setStage();
    const [begun] = await fill(stage, [{ user: 'o1', status: 'sending' }]);
    expect(await value(stage, 'select wechat.cancel($1)', [begun])).toBe('cancelled');
    expect(await stage.database.rows('select attempt, outcome from wechat.delivery_attempt')).toEqual([
      { attempt: 1, outcome: 'unknown' },
    ]);
    expect(await value(stage, 'select status from wechat.inbound_message')).toBe('settled');
  });

  test('of a message gives up the reply logic too, but not what a worker has in hand', async () => {
    const stage = await setStage();
    await fill(stage, [{ user: 'o1', status: 'pending' }]);
    await stage.database.pool.query(`delete from wechat.delivery`);
    const id = await value(
      stage,
      `update wechat.inbound_message set status = 'received', settled_at = null returning id`,
    );
    await claimOne(stage);
    expect(await value(stage, 'select wechat.cancel_message($1)', [id])).toBe('in_hand');
    await stage.database.pool.query('update wechat.inbound_message set claimed_by = null');
    expect(await value(stage, 'select wechat.cancel_message($1)', [id])).toBe('cancelled');
    expect(await value(stage, 'select wechat.cancel_message($1)', [id])).toBe('final');
    expect(await value(stage, 'select wechat.cancel_message(999)')).toBe('not_found');
  });
});

describe('wechat.send', () => {
  const hello = { msgtype: 'text', text: { content: 'from a person' } };

  test('sends through the outbox, behind what is on its way, to users that may be answered', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    await start({ replies: echo });
    await simulator.user('o1').say('hi');
    await settled(database, 1);
    const send = (openid: string, payload: unknown = hello) =>
      value(stage, 'select result from wechat.send($1, $2, $3)', [account.appId, openid, payload]);
    expect(await send('o1')).toBe('queued');
    await settled(database, 1);
    expect(simulator.inboxOf('o1').map(({ text }) => text)).toEqual(['hi', 'from a person']);
    expect(await database.rows('select position, origin, status from wechat.delivery order by id')).toEqual([
      { position: 1, origin: 'reply', status: 'sent' },
      { position: 2, origin: 'operator', status: 'sent' },
    ]);
    expect(await send('o2')).toBe('no_message');
    await expect(send('o1', { text: 'hi' })).rejects.toThrow('must be a message of the customer-service API');
    await expect(send('o1', { msgtype: 'text' })).rejects.toThrow('must be a message');
    await database.pool.query(`update wechat.inbound_message set window_ends_at = now()`);
    expect(await send('o1')).toBe('window_closed');
    const forced = 'select result from wechat.send($1, $2, $3, true)';
    expect(await value(stage, forced, [account.appId, 'o1', hello])).toBe('queued');
    await settled(database, 1);
    expect(await actions(stage)).toMatchObject([{ action: 'send' }, { details: { force: true } }]);
  });

  test('does not break into a message that is being answered', async () => {
    const stage = await setStage();
    await fill(stage, [{ user: 'o1', status: 'pending' }]);
    const send = () =>
      value(stage, 'select result from wechat.send($1, $2, $3)', [stage.account.appId, 'o1', hello]);
    await claimOne(stage);
    expect(await send()).toBe('busy');
    await stage.database.pool.query(
      `update wechat.inbound_message set claimed_by = null, status = 'received'`,
    );
    expect(await send()).toBe('busy');
    await stage.database.pool.query(`update wechat.inbound_message set status = 'answering'`);
    expect(await send()).toBe('queued');
  });
});

test('an operator may call the functions and read, but neither write by hand nor see a token', async () => {
  const stage = await setStage();
  const [failed] = await fill(stage, [{ user: 'o1', status: 'failed' }]);
  const client = await stage.database.pool.connect();
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
    for (const forbidden of [
      'select value from wechat.credential',
      'select * from wechat.credential',
      `update wechat.delivery set status = 'sent'`,
      'delete from wechat.operator_action',
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
    ])
      await expect(client.query(`select ${call}`), call).rejects.toThrow('permission denied');
  } finally {
    await client.query('reset role; drop owned by nobody_special; drop role nobody_special');
    client.release();
  }
});
