import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startTcpProxy } from '../../scripts/soak/tcp-proxy.js';
import { type Command, runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';
import { sends, startWorkerProcess } from '../support/worker-process.js';

describe('SIGTERM', () => {
  test('in the middle of a send lets it finish, records it, and gives back the rest', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    const worker = await startWorkerProcess(stage);
    simulator.faults.add({ fault: { delayMs: 1_500 } });
    await simulator.user('oUser').say('tw');
    await waitFor('the send', () => sends(stage, 'oUser').length === 1);
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(simulator.inboxOf('oUser')).toHaveLength(1);
    expect(await database.rows('select status, attempts from wechat.delivery order by position')).toEqual([
      { status: 'sent', attempts: 1 },
      { status: 'pending', attempts: 0 },
      { status: 'pending', attempts: 0 },
    ]);

    await startWorkerProcess(stage);
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text.slice(0, 4))).toEqual([
      '【欢迎关',
      '【“本公',
      '【“本公',
    ]);
  });

  test('with a backlog loses nothing and repeats nothing', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    const users = Array.from({ length: 200 }, (_, index) => simulator.user(`oUser${index}`));
    await Promise.all(users.map((user) => user.say('hello')));
    simulator.faults.ratio(1, { delayMs: 50 });
    const worker = await startWorkerProcess(stage, { settings: { SEND_CONCURRENCY: '20' } });
    await waitFor('some replies', () => simulator.delivered.length > 20);
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(simulator.delivered.length).toBeLessThan(users.length);
    await startWorkerProcess(stage);
    await settled(database, users.length);
    for (const { openid } of users) expect(simulator.inboxOf(openid)).toHaveLength(1);
  });

  test('gives back what waits for its turn in the reply logic', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    const users = Array.from({ length: 8 }, (_, index) => simulator.user(`oUser${index}`));
    await Promise.all(users.map((user) => user.say('hello')));
    const worker = await startWorkerProcess(stage, {
      replies: `export const replies = () => new Promise((resolve) => setTimeout(resolve, 1_000, 'slow'));`,
      settings: { REPLY_CONCURRENCY: '1' },
    });
    await waitFor('the first reply', () => simulator.delivered.length === 1);
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    // The one that was thought about is planned at least; the others are as if nobody had touched them.
    expect(simulator.delivered.length).toBeLessThan(4);
    const untouched = await database.rows(
      'select from wechat.lane where claim is null and failures = 0 and crashes = 0',
    );
    expect(untouched.length).toBeGreaterThanOrEqual(users.length - simulator.delivered.length - 1);
    await startWorkerProcess(stage);
    await settled(database, users.length);
    for (const { openid } of users) expect(simulator.inboxOf(openid)).toHaveLength(1);
  });

  test('does not wait longer than the grace period for a call that hangs', async () => {
    const stage = await setStage();
    await stage.start({ role: 'ingress' });
    const worker = await startWorkerProcess(stage, { settings: { SHUTDOWN_GRACE: '1' } });
    stage.simulator.faults.add({ fault: { hang: true } });
    await stage.simulator.user('oUser').say('hello');
    await waitFor('the send', () => sends(stage, 'oUser').length === 1);
    const asked = Date.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(Date.now() - asked).toBeLessThan(5_000);
  });
});

test('the work of a worker killed in the middle of a send goes on within 30 s, and the attempt is recorded as unknown', {
  timeout: 60_000,
}, async () => {
  const stage = await setStage();
  const { simulator, database, start } = stage;
  await start({ role: 'ingress' });
  const worker = await startWorkerProcess(stage);
  simulator.faults.add({ fault: { hang: true } });
  await simulator.user('oUser').say('tw');
  await waitFor('the send', () => sends(stage, 'oUser').length === 1);
  worker.child.kill('SIGKILL');
  await worker.exited;
  const killedAt = Date.now();

  await startWorkerProcess(stage);
  await simulator.user('oUser').say('hello');
  const inbox = await simulator.waitForDelivered('oUser', 4, 30_000);
  expect(Date.now() - killedAt).toBeLessThan(30_000);
  expect(inbox.map(({ msgtype }) => msgtype)).toEqual(['news', 'news', 'news', 'text']);
  await settled(database, 2);
  expect(
    await database.rows(
      `select d.position, a.outcome from wechat.delivery d join wechat.delivery_attempt a on a.delivery_id = d.id
       where d.message_id = (select min(message_id) from wechat.delivery) order by d.position, a.attempt`,
    ),
  ).toEqual([
    { position: 1, outcome: 'unknown' },
    { position: 1, outcome: 'sent' },
    { position: 2, outcome: 'sent' },
    { position: 3, outcome: 'sent' },
  ]);
});

test('a rolling restart under load loses nothing, repeats nothing, and no user notices', {
  timeout: 90_000,
}, async () => {
  const { account, simulator, database } = await setStage();
  const settings = testSettings({ account, simulator, databaseUrl: database.url });
  const ports = new Set<number>();
  const balancer = await startTcpProxy(() => [...ports]);
  onTestFinished(() => balancer.close());
  simulator.setWebhookUrl(`http://127.0.0.1:${balancer.port}/wechat`);

  async function startIngress(): Promise<Command & { port: number }> {
    const ingress = runCommand(['start', '--role', 'ingress'], settings);
    const { webhook_port: port } = await ingress.event('started');
    ports.add(Number(port));
    return Object.assign(ingress, { port: Number(port) });
  }
  async function startWorker(): Promise<Command> {
    const worker = runCommand(['start', '--role', 'worker'], settings);
    await worker.event('started');
    return worker;
  }
  const [[firstIngress], [firstWorker]] = await Promise.all([
    Promise.all([startIngress(), startIngress()]),
    Promise.all([startWorker(), startWorker()]),
  ]);

  let restarting = true;
  onTestFinished(() => {
    restarting = false;
  });
  const said = new Map<string, string[]>();
  const users = Array.from({ length: 10 }, async (_, index) => {
    const openid = `oUser${index}`;
    const texts: string[] = [];
    said.set(openid, texts);
    while (restarting) {
      const text = `${index}-${texts.length}`;
      const { outcome } = await simulator.user(openid).say(text);
      expect(outcome).toBe('acknowledged');
      texts.push(text);
      // The processes that start need the machine, too.
      await sleep(100);
    }
  });
  await Promise.all([startIngress(), startWorker()]);
  // The balancer is told first, as it would be by a failing readiness check.
  ports.delete(firstIngress.port);
  firstIngress.child.kill('SIGTERM');
  expect(await firstIngress.exited).toBe(0);
  firstWorker.child.kill('SIGTERM');
  expect(await firstWorker.exited).toBe(0);
  restarting = false;
  await Promise.all(users);

  const total = [...said.values()].flat().length;
  await settled(database, total);
  expect(await database.rows(`select distinct outcome from wechat.delivery_attempt`)).toEqual([
    { outcome: 'sent' },
  ]);
  expect(simulator.delivered).toHaveLength(total);
});
