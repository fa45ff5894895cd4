import { describe, expect, test } from 'vitest';
import { createPauses } from '../../src/accounts/pauses.js';
import { reconcile } from '../../src/outbox/reconcile.js';
import type { Replies } from '../../src/replies/router.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const echo: Replies = ({ message }) => (message.kind === 'text' ? message.content : undefined);

const isSend = ({ path }: { path: string }) => path.endsWith('/custom/send');

function paused({ database }: Stage): Promise<Record<string, unknown>> {
  return waitFor('the account to be paused', async () => {
    const [row] = await database.rows<Record<string, unknown>>(
      'select reason, errcode, probe_lane_id from wechat.account_pause',
    );
    return row;
  });
}

function resumed({ database }: Stage): Promise<boolean> {
  return waitFor(
    'the account to be resumed',
    async () => (await database.rows('select from wechat.account_pause')).length === 0,
  );
}

const makeProbeDue = ({ database }: Stage) =>
  database.pool.query('update wechat.account_pause set probe_at = now()');

describe('an account that must be put right by a person', () => {
  test('rests in all processes: everything is stored, nothing is sent, nothing is lost', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    const { adminUrl, logged } = await start({ replies: echo });
    const { logged: loggedToo } = await start({ role: 'worker', replies: echo });
    simulator.faults.add({ times: 1_000, fault: { errcode: 48001, errmsg: 'api unauthorized rid: 1' } });
    await simulator.user('o0').say('first');
    expect(await paused(stage)).toMatchObject({ reason: 'account', errcode: 48001 });
    await waitFor('a process to say so', () =>
      [...logged, ...loggedToo].some(({ event }) => event === 'account_paused'),
    );
    const sends = simulator.calls.filter(isSend).length;
    for (let user = 1; user <= 10; user += 1) await simulator.user(`o${user}`).say('later');
    await waitFor('health to tell', async () => {
      const response = await fetch(`${adminUrl}/readyz`);
      const text = await response.text();
      return response.status === 200 && text.includes(`accounts: warning: ${account.appId} rests since`);
    });
    await waitFor('the metric', async () =>
      (await (await fetch(`${adminUrl}/metrics`)).text()).includes(
        `wechat_outbox_account_paused{account="${account.appId}",reason="account"} 1`,
      ),
    );
    expect(simulator.calls.filter(isSend).length).toBe(sends);
    simulator.faults.clear();
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    await settled(database, 11);
    expect(simulator.delivered).toHaveLength(11);
  });

  test('is probed by one message, and by that alone, until it works again', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ replies: echo });
    simulator.faults.add({ times: 2, fault: { errcode: 40164 } });
    await simulator.user('o0').say('first');
    await paused(stage);
    for (let user = 1; user <= 5; user += 1) await simulator.user(`o${user}`).say('later');
    await makeProbeDue(stage);
    await waitFor('the probe', () => simulator.calls.filter(isSend).length === 2);
    await waitFor('the pause to go on', async () => {
      const [row] = await database.rows<{ on: boolean }>(
        `select probe_lane_id is null and probe_at > now() + interval '4 minutes' as on from wechat.account_pause`,
      );
      return row?.on;
    });
    expect(simulator.calls.filter(isSend)).toHaveLength(2);
    await makeProbeDue(stage);
    await resumed(stage);
    await settled(database, 6);
    expect(simulator.delivered).toHaveLength(6);
  });

  test('rests also when it is the access token that cannot be had', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    simulator.faults.add({ path: '/cgi-bin/stable_token', times: 1_000, fault: { errcode: 40125 } });
    await start({ replies: echo });
    await simulator.user('oUser').say('hello');
    expect(await paused(stage)).toMatchObject({ reason: 'account', errcode: 40125 });
    simulator.faults.clear();
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    await settled(database, 1);
    expect(await database.rows('select status, attempts from wechat.delivery')).toEqual([
      { status: 'sent', attempts: 1 },
    ]);
  });
});

test('an account that is refused for ever keeps nothing for ever: what is past its window ends, unasked and unsent', async () => {
  const { account, simulator, database, start } = await setStage();
  await database.pool.query(
    `insert into wechat.account_pause (app_id, reason, errcode, probe_at)
     values ($1, 'account', 48001, now() + interval '1 hour')`,
    [account.appId],
  );
  const asked: string[] = [];
  const { adminUrl } = await start({ replies: ({ message }) => void asked.push(message.openid) });
  await waitFor('the process to know', async () =>
    (await (await fetch(`${adminUrl}/metrics`)).text()).includes('reason="account"} 1'),
  );
  for (const openid of ['oLate', 'oInTime']) await simulator.user(openid).say('hello');
  await database.pool.query(
    `update wechat.inbound_message set window_ends_at = now() - interval '1 second' where openid = 'oLate'`,
  );
  const pauses = createPauses(database.pool);
  await pauses.refresh();
  expect(await pauses.overdue()).toBe(1);
  await waitFor('the end of the late one', async () => {
    const rows = await database.rows('select from wechat.inbound_message where settled_at is not null');
    return rows.length > 0;
  });
  expect(
    await database.rows('select openid, status, error from wechat.inbound_message order by openid desc'),
  ).toEqual([
    { openid: 'oLate', status: 'failed', error: 'the reply window ended while the account rested' },
    { openid: 'oInTime', status: 'received', error: null },
  ]);
  expect([asked, simulator.calls.filter(isSend)]).toEqual([[], []]);
});

describe('an account whose quota is used up', () => {
  test('rests without burning attempts, and goes on with the next minute', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    simulator.quotas.set({ perMinute: 3 });
    await start({ replies: echo });
    await Promise.all(Array.from({ length: 10 }, (_, index) => simulator.user(`o${index}`).say('hi')));
    expect(await paused(stage)).toMatchObject({ reason: 'minute_quota', errcode: 45011 });
    expect(
      await database.rows(
        `select probe_at - paused_at between interval '59 seconds' and interval '61 seconds' as a_minute
         from wechat.account_pause`,
      ),
    ).toEqual([{ a_minute: true }]);
    await waitFor('the other seven to be given back', async () => {
      const [row] = await database.rows<{ waiting: number }>(
        'select count(*)::int as waiting from wechat.lane where claim is null and due_at <= now()',
      );
      return row?.waiting === 7;
    });
    simulator.quotas.set({});
    await makeProbeDue(stage);
    await settled(database, 10);
    expect(simulator.delivered).toHaveLength(10);
    expect(await database.rows('select distinct status, failures from wechat.delivery')).toEqual([
      { status: 'sent', failures: 0 },
    ]);
  });

  test('of the day rests until midnight in Shanghai, or until an operator has cleared it', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    simulator.quotas.set({ perDay: 1 });
    await start({ replies: echo });
    await simulator.user('o1').say('hi');
    await simulator.waitForDelivered('o1', 1);
    await simulator.user('o2').say('hi');
    expect(await paused(stage)).toMatchObject({ reason: 'daily_quota', errcode: 45009 });
    expect(
      await database.rows(
        `select to_char(probe_at at time zone 'Asia/Shanghai', 'HH24:MI') as at from wechat.account_pause`,
      ),
    ).toEqual([{ at: '00:00' }]);
    simulator.quotas.set({});
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    await simulator.waitForDelivered('o2', 1);
  });
});

describe('a pause', () => {
  test('holds what is in hand already: the reply is stored, and sent when the account goes on', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    let finish = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { adminUrl } = await start({ replies: () => held.then(() => 'there') });
    await simulator.user('oUser').say('hello');
    await waitFor(
      'the reply logic',
      async () => (await database.rows('select from wechat.lane where claim is not null')).length === 1,
    );
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    await waitFor('the process to know', async () =>
      (await (await fetch(`${adminUrl}/metrics`)).text()).includes('reason="operator"} 1'),
    );
    finish();
    await waitFor(
      'the stored reply to be given back',
      async () =>
        (
          await database.rows(
            'select from wechat.lane l join wechat.delivery d using (app_id, openid) where l.claim is null',
          )
        ).length === 1,
    );
    expect(await database.rows('select status, attempts from wechat.delivery')).toEqual([
      { status: 'pending', attempts: 0 },
    ]);
    expect(simulator.calls.filter(isSend)).toEqual([]);
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    await simulator.waitForDelivered('oUser', 1);
  });

  test('is no reason for the reconciler to add jobs', async () => {
    const { account, simulator, database, start } = await setStage();
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    await start({ role: 'ingress' });
    await simulator.user('oUser').say('hello');
    await database.pool.query(`update wechat.lane set due_at = now() - interval '1 hour'`);
    await database.pool.query('delete from graphile_worker._private_jobs');
    expect(await reconcile(database.pool)).toBe(0);
    await database.pool.query('delete from wechat.account_pause');
    expect(await reconcile(database.pool)).toBe(1);
  });

  test('ends by time when nothing waits', async () => {
    const stage = await setStage();
    const { account, database, start } = stage;
    await start({ replies: echo });
    await database.pool.query(
      `insert into wechat.account_pause (app_id, reason, errcode, probe_at) values ($1, 'minute_quota', 45011, now())`,
      [account.appId],
    );
    await resumed(stage);
  });

  test('of an operator ends by command only, and WeChat’s refusals leave it as it is', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    await start({ replies: echo });
    simulator.faults.add({ fault: { delayMs: 500, followedBy: { errcode: 45011 } } });
    await simulator.user('oUser').say('hello');
    await waitFor('the send', () => simulator.calls.some(isSend));
    await database.pool.query('select wechat.pause($1, $2)', [account.appId, 'moving house']);
    await waitFor(
      'the refusal on record',
      async () =>
        (await database.rows(`select from wechat.delivery_attempt where outcome = 'throttled'`)).length > 0,
    );
    expect(await database.rows('select reason, errmsg, probe_at from wechat.account_pause')).toEqual([
      { reason: 'operator', errmsg: 'moving house', probe_at: null },
    ]);
    const { rows } = await database.pool.query('select wechat.resume($1) as resumed', [account.appId]);
    expect(rows).toEqual([{ resumed: true }]);
    await simulator.waitForDelivered('oUser', 1);
  });

  test('of one account leaves the others alone', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ replies: echo });
    await database.pool.query(`select wechat.pause('wx-another')`);
    await simulator.user('oUser').say('hello');
    await simulator.waitForDelivered('oUser', 1);
  });

  test('that ends wakes a backlog, each conversation in its order', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    await start({ replies: echo });
    const users = Array.from({ length: 30 }, (_, index) => simulator.user(`o${index}`));
    for (const text of ['1', '2', '3']) await Promise.all(users.map((user) => user.say(text)));
    await waitFor(
      'the jobs to have found nothing to do',
      async () => (await database.rows('select from graphile_worker.jobs')).length === 0,
    );
    expect(simulator.delivered).toEqual([]);
    const { rows } = await database.pool.query('select wechat.resume($1)', [account.appId]);
    expect(rows).toEqual([{ resume: true }]);
    await settled(database, 90);
    for (const { openid } of users) {
      expect(simulator.inboxOf(openid).map(({ text }) => text)).toEqual(['1', '2', '3']);
    }
  });
});
