import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Command, runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

/** A worker as a process of its own, to be ended by signals. */
async function startWorkerProcess(
  { account, simulator, database }: Stage,
  settings: Record<string, string> = {},
): Promise<Command> {
  const worker = runCommand(
    ['start', '--role', 'worker'],
    testSettings({ account, simulator, databaseUrl: database.url, settings }),
  );
  await worker.event('started');
  return worker;
}

const sendsTo = ({ simulator }: Stage, openid: string) =>
  simulator.calls.filter((call) => call.openid === openid && call.path.endsWith('/custom/send'));

describe('SIGTERM', () => {
  test('in the middle of a send lets it finish, records it, and gives back the rest', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    const worker = await startWorkerProcess(stage);
    simulator.faults.add({ fault: { delayMs: 1_500 } });
    await simulator.user('oUser').say('tw');
    await waitFor('the send', () => sendsTo(stage, 'oUser').length === 1);
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
    const worker = await startWorkerProcess(stage, { SEND_CONCURRENCY: '20' });
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
    const folder = scratchDirectory();
    writeFileSync(
      path.join(folder, 'slow.mjs'),
      `export const replies = () => new Promise((resolve) => setTimeout(resolve, 1_000, 'slow'));`,
    );
    const worker = await startWorkerProcess(stage, {
      REPLIES: path.join(folder, 'slow.mjs'),
      REPLY_CONCURRENCY: '1',
    });
    await waitFor('the first reply', () => simulator.delivered.length === 1);
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    // The one that was thought about is planned at least; the others are as if nobody had touched them.
    expect(simulator.delivered.length).toBeLessThan(4);
    const untouched = await database.rows(
      `select from wechat.inbound_message where status = 'received' and claimed_by is null and reply_attempts = 0`,
    );
    expect(untouched.length).toBeGreaterThanOrEqual(users.length - simulator.delivered.length - 1);
    await startWorkerProcess(stage);
    await settled(database, users.length);
    for (const { openid } of users) expect(simulator.inboxOf(openid)).toHaveLength(1);
  });

  test('does not wait longer than the grace period for a call that hangs', async () => {
    const stage = await setStage();
    await stage.start({ role: 'ingress' });
    const worker = await startWorkerProcess(stage, { SHUTDOWN_GRACE: '1' });
    stage.simulator.faults.add({ fault: { hang: true } });
    await stage.simulator.user('oUser').say('hello');
    await waitFor('the send', () => sendsTo(stage, 'oUser').length === 1);
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
  await waitFor('the send', () => sendsTo(stage, 'oUser').length === 1);
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

test('a message whose job was deleted by hand is answered all the same', { timeout: 90_000 }, async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  await simulator.user('oUser').say('hello');
  await database.pool.query('delete from graphile_worker._private_jobs');
  // As if it had been so for a while.
  await database.pool.query(`update wechat.inbound_message set due_at = now() - interval '1 minute'`);
  await start({ role: 'worker' });
  await simulator.waitForDelivered('oUser', 1, 60_000);
  await settled(database, 1);
});
