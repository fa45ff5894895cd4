import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { tell } from '../support/history.js';
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

  test('asks WeChat past the window only by force, and goes on asking while it does not answer', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await tell(database.pool, stage.account.appId, [
      { openid: 'o1', hoursAgo: 60, text: 'hi', replies: [{ text: 'late', status: 'expired' }] },
    ]);
    const closed = await value(stage, 'select id from wechat.delivery');
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
});

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
         join wechat.lane l on l.openid = m.openid
         where d.status = 'pending' and d.failures = 1 and l.claim is null`,
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
});
