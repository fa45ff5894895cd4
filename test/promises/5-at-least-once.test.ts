import { describe, expect, onTestFinished, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../scripts/soak/tcp-proxy.js';
import type { Command } from '../support/processes.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';
import { sends, startWorkerProcess } from '../support/worker-process.js';

/** What a worker takes for the others' silence; by default ten seconds. */
const quick = { RESCUE_AFTER: '2' };

async function proxyTo(url: string): Promise<{ proxy: TcpProxy; url: string }> {
  const upstream = new URL(url);
  const port = Number(upstream.port);
  const proxy = await startTcpProxy(() => [port]);
  onTestFinished(() => proxy.close());
  upstream.port = String(proxy.port);
  return { proxy, url: upstream.href.replace(/\/$/, '') };
}

/** Begun before it stood still, and found lost by the one that took over. */
const unknownAttempts = ({ database }: Stage) =>
  database.rows<{ openid: string; unknown: number }>(
    `select d.openid, count(*)::int as unknown from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id
     where a.outcome = 'unknown' group by d.openid order by d.openid`,
  );

describe('an outcome that cannot be known', () => {
  test('records an answer that was lost as unknown, and sends again', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    simulator.faults.add({ fault: { reset: 'after' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    // The first had arrived: at least once, and the record says why it was twice.
    expect(simulator.inboxOf('oUser')).toHaveLength(2);
    expect(await database.rows('select outcome from wechat.delivery_attempt order by attempt')).toEqual([
      { outcome: 'unknown' },
      { outcome: 'sent' },
    ]);
  });

  test('holds an unknown outcome for an operator where that is the setting', async () => {
    const { simulator, database, start } = await setStage();
    await start({ settings: { ON_UNKNOWN: 'hold' }, replies: () => ['one', 'two'] });
    simulator.faults.add({ fault: { reset: 'after' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['one', 'two']);
    expect(await database.rows('select status, attempts from wechat.delivery order by position')).toEqual([
      { status: 'unknown', attempts: 1 },
      { status: 'sent', attempts: 1 },
    ]);
  });

  test('a frozen API leaves an outcome that is unknown; a refused connection none', {
    timeout: 60_000,
  }, async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    const { proxy, url } = await proxyTo(simulator.apiBase);
    await start({ settings: { WECHAT_API_BASE: url, ON_UNKNOWN: 'hold' } });
    await simulator.user('oFirst').say('hello');
    await settled(database, 1);
    proxy.freeze(25_000);
    await simulator.user('oUser').say('hello');
    await waitFor(
      'the attempt to be given up',
      async () => (await unknownAttempts(stage)).length === 1,
      20_000,
    );
    expect(await database.rows(`select status from wechat.delivery where openid = 'oUser'`)).toEqual([
      { status: 'unknown' },
    ]);
    // The conversation goes on.
    await simulator.user('oUser').say('again');
    proxy.reset();
    await proxy.close();
    await waitFor(
      'a failure without a doubt',
      async () =>
        (await database.rows(`select from wechat.delivery where openid = 'oUser' and failures > 0`))
          .length === 1,
    );
    expect(await unknownAttempts(stage)).toEqual([{ openid: 'oUser', unknown: 1 }]);
  });
});

/** Under a new id, whichever connection it learns on that it was given up. */
const comesBack = ({ lines }: Command) =>
  waitFor(
    'it to come back under a new id',
    () => lines.filter((line) => /session_(renewed|opened)/.test(line)).length > 1,
    40_000,
  );

test('a worker that stands still is replaced, and sends nothing that was given away when it wakes', {
  timeout: 90_000,
}, async () => {
  const stage = await setStage();
  const { simulator, database, start } = stage;
  await start({ role: 'ingress' });
  const still = await startWorkerProcess(stage, { settings: quick });
  // One message on the wire, one behind it in the conversation, two replies still to go of each.
  simulator.faults.add({ openid: 'oUser', fault: { hang: true } });
  await simulator.user('oUser').say('tw');
  await waitFor('the send', () => sends(stage, 'oUser').length === 1);
  await simulator.user('oUser').say('hello');
  still.child.kill('SIGSTOP');

  const other = await startWorkerProcess(stage, { settings: quick });
  const rescued = await other.event('rescued');
  expect(rescued).toMatchObject({ lanes: 1 });
  await settled(database, 2);
  expect(simulator.inboxOf('oUser').map(({ msgtype }) => msgtype)).toEqual(['news', 'news', 'news', 'text']);
  expect(await unknownAttempts(stage)).toEqual([{ openid: 'oUser', unknown: 1 }]);

  const before = sends(stage).length;
  still.child.kill('SIGCONT');
  await still.event('session_renewed');
  other.child.kill('SIGKILL');
  await other.exited;
  // Under its new id it works on, and repeats nothing.
  await simulator.user('oLater').say('hello');
  await settled(database, 3);
  expect(simulator.inboxOf('oUser')).toHaveLength(4);
  expect(sends(stage)).toHaveLength(before + 1);
});

test('a worker whose connections to Postgres are frozen is replaced, and fenced off when they thaw', {
  timeout: 90_000,
}, async () => {
  const stage = await setStage();
  const { simulator, database, start } = stage;
  await start({ role: 'ingress' });
  const { proxy, url } = await proxyTo(database.url);
  const frozen = await startWorkerProcess(stage, { settings: quick, databaseUrl: url });
  simulator.faults.add({ openid: 'oUser', fault: { delayMs: 1_500 } });
  await simulator.user('oUser').say('tw');
  await waitFor('the send', () => sends(stage, 'oUser').length === 1);
  proxy.freeze(60_000);

  const other = await startWorkerProcess(stage, { settings: quick });
  await other.event('rescued');
  await settled(database, 1);
  // The first went out before anybody knew, and again; the two after it once.
  const inbox = simulator.inboxOf('oUser').map(({ text }) => text);
  expect(inbox).toHaveLength(4);
  expect(new Set(inbox).size).toBe(3);
  expect(await unknownAttempts(stage)).toEqual([{ openid: 'oUser', unknown: 1 }]);

  proxy.thaw();
  await comesBack(frozen);
  await simulator.user('oLater').say('hello');
  await settled(database, 2);
  expect(simulator.inboxOf('oUser')).toHaveLength(4);
});

test('a worker that learns late that it may send does not, if the message was given away meanwhile', {
  timeout: 90_000,
}, async () => {
  const stage = await setStage();
  const { simulator, database, start } = stage;
  await start({ role: 'ingress' });
  const { proxy, url } = await proxyTo(database.url);
  const late = await startWorkerProcess(stage, { settings: quick, databaseUrl: url });
  // It has a token now: an attempt that can be made at once is stored as begun along with its plan.
  await simulator.user('oFirst').say('hello');
  await settled(database, 1);
  // Its plan is held up until the answer to it is: stored, and nobody told.
  const client = await database.pool.connect();
  await client.query('begin; lock table wechat.delivery in share mode');
  await simulator.user('oUser').say('hello');
  await waitFor('the plan', async () => {
    const waiting = await database.rows(
      `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%insert into wechat.delivery%'`,
    );
    return waiting.length === 1;
  });
  proxy.freeze(60_000);
  await client.query('commit');
  client.release();

  const other = await startWorkerProcess(stage, { settings: quick });
  await other.event('rescued');
  await settled(database, 2);
  expect(await unknownAttempts(stage)).toEqual([{ openid: 'oUser', unknown: 1 }]);
  expect(sends(stage, 'oUser')).toHaveLength(1);

  proxy.thaw();
  await comesBack(late);
  other.child.kill('SIGKILL');
  await other.exited;
  await simulator.user('oLater').say('hello');
  await settled(database, 3);
  expect(sends(stage, 'oUser')).toHaveLength(1);
});
