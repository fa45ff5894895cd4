import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { startTcpProxy } from '../../scripts/soak/tcp-proxy.js';
import { crashFor, query, setOwnStage, startOwnPostgres } from '../support/own-postgres.js';
import { runCommand } from '../support/processes.js';
import { newAccount, startTestSimulator, testSettings } from '../support/service.js';
import { setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const statuses = `select status from wechat.inbound_message where openid = 'oUser'`;

test('the empty answer comes only after the commit', async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  const blocker = await database.pool.connect();
  await blocker.query('begin');
  await blocker.query('lock table wechat.inbound_message in exclusive mode');

  let answered = false;
  const push = simulator
    .user('oUser')
    .say('hello')
    .then((result) => {
      answered = true;
      return result;
    });
  await waitFor('the insert to wait for the lock', async () => {
    const [row] = await database.rows<{ waiting: number }>(
      `select count(*)::int as waiting from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like '%inbound_message%'`,
    );
    return row?.waiting === 1;
  });
  expect(answered).toBe(false);

  await blocker.query('commit');
  blocker.release();
  expect(await push).toMatchObject({ outcome: 'acknowledged', tries: [{ status: 200, body: '' }] });
  // A connection of its own sees only what is committed.
  expect(await database.rows('select content from wechat.inbound_message')).toEqual([{ content: 'hello' }]);
});

test('a message and its job are stored together or not at all', async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  await database.pool.query('alter function graphile_worker.add_jobs rename to add_jobs_gone');
  const failed = await simulator.user('oUser').say('hello');
  expect(failed).toMatchObject({
    outcome: 'notice',
    tries: [{ status: 503 }, { status: 503 }, { status: 503 }],
  });
  expect(await database.rows('select from wechat.inbound_message')).toEqual([]);

  await database.pool.query('alter function graphile_worker.add_jobs_gone rename to add_jobs');
  expect((await simulator.user('oUser').resend(failed)).outcome).toBe('acknowledged');
  expect(await database.rows('select count(*)::int as jobs from graphile_worker.jobs')).toEqual([
    { jobs: 1 },
  ]);
});

test('a push while the database is away for 2 s is stored when it is back, and answered inside 5 s', async () => {
  const { simulator, database, start } = await setStage();
  const server = new URL(database.url);
  let ports = [Number(server.port)];
  // A crash of Postgres takes as long as it takes to recover; this takes 2 s.
  const proxy = await startTcpProxy(() => ports);
  onTestFinished(() => proxy.close());
  server.port = String(proxy.port);
  await start({ databaseUrl: server.href });
  await simulator.user('oWarm').say('warm up');
  await simulator.waitForDelivered('oWarm', 1);

  const upstreams = ports;
  ports = [];
  proxy.reset();
  const back = sleep(2_000).then(() => {
    ports = upstreams;
  });
  const result = await simulator.user('oUser').say('hello');
  await back;
  expect(result).toMatchObject({ outcome: 'acknowledged', tries: [{ status: 200, body: '' }] });
  expect(result.tries[0]?.ms).toBeGreaterThan(1_500);
  await simulator.waitForDelivered('oUser', 1);
  expect(await database.rows(statuses)).toHaveLength(1);
});

test('a push while it is away for 10 s gets 503 in time, and the retry of the platform is stored and answered', async () => {
  // Pauses between the tries, so that the last one meets a database that has had time to start.
  const stage = await setOwnStage({ retryDelayMs: 3_000 });
  const { back } = await crashFor(stage, 10_000);
  const readiness = await request(`${stage.service.adminUrl}/readyz`);
  expect(readiness.statusCode).toBe(503);
  expect(await readiness.body.text()).toMatch(/database: .*(refused|terminated|ECONN)/);

  const result = await stage.simulator.user('oUser').say('hello');
  await back;
  expect(result.outcome).toBe('acknowledged');
  expect(result.tries.map(({ status }) => status).join()).toMatch(/^503,(503,)?200$/);
  for (const { ms } of result.tries) expect(ms).toBeLessThan(5_000);
  const inbox = await stage.simulator.waitForDelivered('oUser', 1);
  expect(inbox).toHaveLength(1);
  await waitFor('the message to be settled', async () => {
    const rows = await query<{ status: string }>(stage, statuses);
    return rows.length === 1 && rows[0]?.status === 'settled';
  });
  // The worker's own session may be the last to come back, and health says so until it has.
  let health = '';
  await waitFor(
    'health',
    async () => {
      const response = await request(`${stage.service.adminUrl}/readyz`);
      health = await response.body.text();
      return response.statusCode === 200;
    },
    10_000,
  ).catch((error) => expect.fail(`${error}: ${health}`));
});

test('while every connection hangs, pushes get 503 in time; their retries are stored, once', async () => {
  const { simulator, database, start } = await setStage();
  const service = await start({ role: 'ingress' });
  const client = await database.pool.connect();
  await client.query('begin; lock table wechat.inbound_message in access exclusive mode');
  const users = Array.from({ length: 20 }, (_, index) => simulator.user(`oUser${index}`));
  const pushing = Promise.all(users.map((user) => user.say('hello')));
  await waitFor(
    'all to be told to try again',
    () => service.logged.filter(({ event }) => event === 'push_not_stored').length === users.length,
  );
  await client.query('commit');
  client.release();
  for (const { outcome, tries } of await pushing) {
    expect(outcome).toBe('acknowledged');
    // A slow machine may not be done with all of them by the second try.
    expect(tries.map(({ status }) => status).join()).toMatch(/^503,(503,)?200$/);
    for (const { ms } of tries) expect(ms).toBeLessThan(5_000);
  }
  expect(await database.rows('select count(*)::int as stored from wechat.inbound_message')).toEqual([
    { stored: users.length },
  ]);
});

test('a process under load outlives crash after crash of Postgres, and answers all that it acknowledged', {
  timeout: 100_000,
}, async () => {
  const account = newAccount();
  const postgres = await startOwnPostgres();
  const simulator = await startTestSimulator(account);
  onTestFinished(() => simulator.close());
  const service = runCommand(['start'], testSettings({ account, simulator, databaseUrl: postgres.url }));
  const { webhook_port } = await service.event('started');
  simulator.setWebhookUrl(`http://127.0.0.1:${webhook_port}/wechat`);

  let crashing = true;
  const users = Array.from({ length: 30 }, async (_, index) => {
    let acknowledged = 0;
    while (crashing) {
      const { outcome } = await simulator.user(`oUser${index}`).say('hello');
      if (outcome === 'acknowledged') acknowledged += 1;
    }
    return { openid: `oUser${index}`, acknowledged };
  });
  for (let crashes = 0; crashes < 4; crashes += 1) {
    // Under load, wherever the statements happen to be.
    await sleep(500);
    await postgres.stop('immediate');
    await postgres.start();
  }
  crashing = false;
  expect(service.child.exitCode, service.errors.join('\n')).toBe(null);
  for (const { openid, acknowledged } of await Promise.all(users)) {
    expect(acknowledged).toBeGreaterThan(0);
    // A claim whose answer was lost is returned within a minute.
    await simulator.waitForDelivered(openid, acknowledged, 70_000);
  }
  expect(service.child.exitCode, service.errors.join('\n')).toBe(null);
});
