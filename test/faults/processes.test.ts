import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../../scripts/free-ports.js';
import { isAlive } from '../../src/db/embedded.js';
import { mainFile, runCommand, runProgram } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage, settled } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

interface Line {
  event: string;
  pid: number;
  webhook_port: number;
  admin_port: number;
}

async function run(settings: Record<string, string>) {
  const { account, simulator, database } = await setStage();
  const all = testSettings({ account, simulator, databaseUrl: database.url, settings });
  return { command: runCommand(['start'], all), simulator, database };
}

async function startTwo() {
  const { command, simulator, database } = await run({ PROCESSES: '2', RESCUE_AFTER: '2' });
  const started = await command.events<Line>('started', 2);
  const pids = started.map(({ pid }) => pid);
  simulator.setWebhookUrl(`http://127.0.0.1:${started[0]?.webhook_port}/wechat`);
  const say = async (users: string[]) => {
    const pushed = await Promise.all(users.map((user) => simulator.user(user).say('hello')));
    expect(pushed.map(({ outcome }) => outcome)).toEqual(users.map(() => 'acknowledged'));
  };
  return { command, database, started, pids, say };
}

const twenty = (prefix: string) => Array.from({ length: 20 }, (_, index) => `${prefix}${index}`);

test('several processes share the port of the webhook, and one that is killed is replaced; nothing acknowledged is lost', async () => {
  const { command, database, started, pids, say } = await startTwo();
  expect(new Set(started.map(({ webhook_port }) => webhook_port)).size).toBe(1);
  expect(new Set(started.map(({ admin_port }) => admin_port)).size).toBe(2);
  await say(twenty('o'));
  const receivers = (await command.events<Line>('push', 20)).map(({ pid }) => pid);
  expect(new Set(receivers)).toEqual(new Set(pids));

  const [victim = 0, survivor = 0] = pids;
  process.kill(victim, 'SIGKILL');
  await command.events<Line>('process_ended', 1);
  await say(twenty('p'));
  const [replacement] = (await command.events<Line>('started', 3)).slice(2);
  expect(replacement?.pid).not.toBe(victim);
  expect(isAlive(survivor)).toBe(true);
  await settled(database, 40);
  command.child.kill('SIGINT');
  expect(await command.exited).toBe(0);
  expect([survivor, replacement?.pid ?? 0].filter(isAlive)).toEqual([]);
});

test('the processes end when their parent is killed', async () => {
  const { command, pids } = await startTwo();
  command.child.kill('SIGKILL');
  await waitFor('the end of all processes', () => !pids.some(isAlive));
});

test('they stop when told to while some of them are still starting', async () => {
  const { command } = await run({ PROCESSES: '3' });
  await command.event('started');
  command.child.kill('SIGTERM');
  expect(await command.exited).toBe(0);
});

test('what keeps the first process from starting is told once, and ends the command with its exit code', async () => {
  const file = path.join(scratchDirectory(), 'none.mjs');
  writeFileSync(file, 'export const nothing = 1;');
  const { command } = await run({ PROCESSES: '3', REPLIES: file });
  expect(await command.exited).toBe(2);
  expect(command.errors.filter((line) => line.includes('none.mjs'))).toHaveLength(1);
});

test('what keeps another process from starting ends all', async () => {
  const adminPort = await freePorts(2);
  const other = createServer().listen(adminPort + 1, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { command } = await run({ PROCESSES: '2', ADMIN_PORT: String(adminPort) });
  expect(await command.exited).toBe(1);
  expect(command.errors.join('\n')).toContain(`Cannot listen on 127.0.0.1:${adminPort + 1}`);
});

/** What PM2's cluster mode is to a process: it forks, numbers, waits for a word, and ends by a word or a signal. */
const manager = `
import cluster from 'node:cluster';
cluster.setupPrimary({ exec: process.env.EXEC, args: ['start'] });
const start = (NODE_APP_INSTANCE) =>
  cluster.fork({ NODE_APP_INSTANCE }).on('message', (word) => {
    if (word === 'ready') console.log('{"event":"ready"}');
  });
for (const instance of ['0', '1']) start(instance);
// A reload starts the new one before it stops the old one.
process.on('SIGHUP', () => start('1'));
process.on('SIGTERM', () => {
  for (const worker of Object.values(cluster.workers)) worker.send('shutdown');
});
`;

test('as workers of a cluster that somebody else runs, such as PM2, they share the port and number the admin ports', async () => {
  const { account, simulator, database } = await setStage();
  const file = path.join(scratchDirectory(), 'manager.mjs');
  writeFileSync(file, manager);
  // Of two workers, and of the one that replaces one of them.
  const adminPort = await freePorts(2);
  const settings = testSettings({ account, simulator, databaseUrl: database.url });
  const command = runProgram(file, { ...settings, ADMIN_PORT: String(adminPort), EXEC: mainFile });
  const started = await command.events<Line>('started', 2);
  await command.events('ready', 2);
  expect(new Set(started.map(({ webhook_port }) => webhook_port)).size).toBe(1);
  expect(started.map(({ admin_port }) => admin_port).sort()).toEqual([adminPort, adminPort + 1]);
  command.child.kill('SIGHUP');
  const [reloaded] = (await command.events<Line>('started', 3)).slice(2);
  expect(reloaded?.admin_port).toBe(adminPort + 1);
  command.child.kill('SIGTERM');
  expect(await command.exited).toBe(0);
  expect(await command.events<Line>('stopped', 3)).toHaveLength(3);
});

test('an admin port that another process has ends it with the setting that helps', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => {
    other.close();
  });
  await once(other, 'listening');
  const taken = String((other.address() as AddressInfo).port);
  const { command } = await run({ ADMIN_PORT: taken });
  expect(await command.exited).toBe(1);
  expect(command.errors.join('\n')).toMatch(/ADMIN_PORT.*each process.*its own.*ADMIN_PORT=0/);
});
