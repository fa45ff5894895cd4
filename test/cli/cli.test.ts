import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/db/embedded.js';
import type { Snapshot } from '../../src/simulator/phone/contract.js';
import { runInProcess } from '../support/command-line.js';
import { runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage } from '../support/stage.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';
import { writeModule } from '../support/worker-process.js';

const text = (lines: readonly string[]) => lines.join('\n');

describe('wechat-outbox', () => {
  test('--help names the commands, --version the version', async () => {
    const help = await runInProcess(['--help']);
    expect(help.code).toBe(0);
    for (const command of ['init', 'start', 'migrate', 'pause', 'resume', 'demo'])
      expect(help.out).toContain(command);
    expect(await runInProcess(['--version'])).toMatchObject({
      ...{ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+(-rc\.\d+)?$/), err: '' },
    });
  });

  test.each([
    [['start', '--role', 'boss'], /Allowed choices are all, ingress, worker/],
    [['frobnicate'], /unknown command/],
    [['start', '--fast'], /unknown option/],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, err } = await runInProcess(args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  test('the exit code is that of the process', async () => {
    expect(await runCommand(['--version']).exited).toBe(0);
    const wrong = runCommand(['frobnicate']);
    expect(await wrong.exited).toBe(2);
    expect(text(wrong.errors)).toContain('unknown command');
  });

  test('start without settings lists all that is missing, with exit code 2', async () => {
    const { code, err } = await runInProcess(['start']);
    expect(code).toBe(2);
    for (const name of ['WECHAT_APP_ID', 'WECHAT_APP_SECRET', 'WECHAT_TOKEN', 'PUBLIC_URL']) {
      expect(err).toContain(`${name} is missing`);
    }
  });

  test('a command in a folder where no service ever ran makes no database there, and says what it lacks', async () => {
    const folder = await temporaryDirectory();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { code, err } = await runInProcess(['status'], { DATA_DIR: folder });
    expect(code).toBe(2);
    expect(err).toMatch(/DATABASE_URL is not set, and no embedded PostgreSQL was ever started in /);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('start waits for a database that is away, says so, and ends when told to', async () => {
    const { account, simulator } = await setStage();
    const command = runCommand(
      ['start'],
      testSettings({ account, simulator, databaseUrl: 'postgres://x:y@127.0.0.1:9/none' }),
    );
    expect(JSON.stringify(await command.event('database_away'))).toContain('ECONNREFUSED 127.0.0.1:9');
    command.child.kill('SIGTERM');
    expect(await command.exited).toBe(0);
  });

  test('start reads a .env file, answers with a module of the user’s own, on the embedded PostgreSQL, and stops all of it', {
    timeout: 60_000,
  }, async () => {
    const { account, simulator } = await setStage();
    const folder = await temporaryDirectory();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const index = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
    writeFileSync(
      path.join(folder, 'replies.mjs'),
      `import { createRouter, text } from ${JSON.stringify(index)};
       export const replies = createRouter()
         .text(/^(\\d+)\\+(\\d+)$/, (_context, [, a, b]) => text(String(Number(a) + Number(b))))
         .otherwise(() => undefined);`,
    );
    const {
      PUBLIC_URL: _,
      DATABASE_URL: __,
      ...settings
    } = testSettings({ account, simulator, databaseUrl: '' });
    const lines = Object.entries({ ...settings, REPLIES: './replies.mjs' }).map(
      ([name, value]) => `${name}=${value}\n`,
    );
    writeFileSync(path.join(folder, '.env'), lines.join(''));
    const command = runCommand(['start'], {}, folder);
    expect((await command.event('embedded_postgres')).msg).toContain('DATABASE_URL is not set');
    const { webhook_port } = await command.event('started');
    simulator.setWebhookUrl(`http://127.0.0.1:${webhook_port}/wechat`);
    await simulator.user('oUser').say('20+22');
    const [reply] = await simulator.waitForDelivered('oUser', 1);
    expect(reply?.text).toBe('42');
    command.child.kill('SIGTERM');
    expect(await command.exited).toBe(0);
    expect(existsSync(path.join(folder, '.data/postgres/postmaster.pid'))).toBe(false);
  });

  test('migrate needs a database and nothing else, and may run again', async () => {
    const { database } = await setStage();
    await database.pool.query('drop schema wechat cascade');
    const migrate = () => runInProcess(['migrate'], { DATABASE_URL: database.url });
    expect(await migrate()).toMatchObject({ code: 0, out: expect.stringContaining('applied: 0001_facts') });
    expect(await migrate()).toMatchObject({
      ...{ code: 0, out: expect.stringContaining('the database is up to date') },
    });
  });

  test('demo shows every answer and how to look around, and Ctrl-C ends it cleanly', {
    timeout: 60_000,
  }, async () => {
    const folder = await temporaryDirectory();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const demo = runCommand(['demo'], {}, folder);
    await expect.poll(() => text(demo.lines), { timeout: 40_000 }).toContain('Ctrl-C ends the demo');
    const shown = text(demo.lines);
    for (const said of ['[关注公众号]', 'tw', 'hello', '在吗？', '你好']) expect(shown).toContain(said);
    expect(shown).toContain('3 attempts');
    expect(shown).toContain('Every message was answered, and none twice.');
    expect(shown).toContain("psql 'postgres://");
    await sayAtPhone(/http:\/\/\S+\/phone\//.exec(shown)?.[0] ?? '');
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(0);
  });

  test('demo --replies answers at the phone with whatever REPLIES may name, and without a play', {
    timeout: 60_000,
  }, async () => {
    const folder = await temporaryDirectory();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const replies = writeModule(`export const replies = ({ message }) => 'You wrote ' + message.content;`);
    const shout = writeModule(`export const beforeSend = (reply) => reply.content.toUpperCase();`);
    const demo = runCommand(['demo', '--replies', `${replies},${shout}`], { USER_LIMIT: '1/1h' }, folder);
    await expect.poll(() => text(demo.lines), { timeout: 40_000 }).toContain('Ctrl-C ends the demo');
    const shown = text(demo.lines);
    expect(shown).toContain(`Answers come from ${replies}, ${shout}`);
    expect(shown).not.toContain('小红');
    const page = /http:\/\/\S+\/phone\//.exec(shown)?.[0] ?? '';
    expect(JSON.stringify(await answersAtPhone(page, 'hello'))).toContain('YOU WROTE HELLO');
    demo.child.kill('SIGINT');
    expect(await demo.exited).toBe(0);
  });

  test('demo --replies says what is wrong with them before it starts anything', async () => {
    const { code, err } = await runInProcess(['demo', '--replies', './none.js']);
    expect(code).toBe(2);
    expect(err).toContain('REPLIES=./none.js: cannot be loaded');
  });
});

test('demo on a database of an earlier state says in both languages what to remove', {
  timeout: 60_000,
}, async () => {
  const folder = await temporaryDirectory();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(folder, 'demo') });
  await asEarlierState(postgres.url);
  await postgres.stop();
  const demo = (language: string) =>
    runInProcess(['demo', '--once'], { DATA_DIR: folder, WECHAT_OUTBOX_LANG: language });
  expect(await demo('en')).toMatchObject({
    ...{ code: 1, err: expect.stringContaining(`remove ${folder}/demo, and start the demo again`) },
  });
  expect(await demo('zh-CN')).toMatchObject({
    ...{ code: 1, err: expect.stringContaining(`请删除 ${folder}/demo，再重新运行演示`) },
  });
});

/** What an unreleased version left behind: it kept no texts of its migrations. */
async function asEarlierState(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(`
    create schema wechat;
    create table wechat.schema_migration (name text primary key, timestamp text not null);
    insert into wechat.schema_migration values ('0001_inbox', '2026-01-01')`);
  await client.end();
}

const stateOf = async (page: string) => (await (await fetch(`${page}api/state`)).json()) as Snapshot;

/** Writes, and waits for the answer of the service. */
async function sayAtPhone(page: string): Promise<void> {
  const { accounts, users } = await stateOf(page);
  expect(accounts[0]?.name).toBe('晨光书店');
  expect(users.map(({ name }) => name)).toEqual(['我', '小明', '小红', '小刚']);
  expect(await answersAtPhone(page, 'hello')).toMatchObject([{ content: { kind: 'text' } }]);
}

/** What the phone shows of the account once its first user has written this. */
async function answersAtPhone(page: string, words: string) {
  const [{ appId, openid } = { appId: '', openid: '' }] = (await stateOf(page)).users;
  const body = JSON.stringify({ appId, openid, action: { kind: 'say', text: words } });
  expect((await fetch(`${page}api/actions`, { method: 'POST', body })).status).toBe(202);
  return waitFor('the answer at the phone', async () => {
    const { chats } = await stateOf(page);
    const entries = chats.find((chat) => chat.openid === openid)?.entries ?? [];
    const answers = entries.filter(({ from }) => from === 'account');
    return answers.length > 0 && answers;
  });
}

test('pause and resume stop and wake the sends of an account', async () => {
  const { account, simulator, database, start } = await setStage();
  await start({ replies: () => 'hi' });
  const run = (...args: string[]) => runInProcess(args, { DATABASE_URL: database.url });
  expect(await run('pause', account.appId, '--reason', 'moving house')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/rests since .* \(operator: moving house\), until "wechat-outbox resume/),
  });
  await simulator.user('oUser').say('hello');
  expect(await run('resume', account.appId)).toMatchObject({ code: 0, out: `${account.appId} goes on` });
  await simulator.waitForDelivered('oUser', 1);
  expect(await run('resume', account.appId)).toMatchObject({
    code: 0,
    out: `${account.appId} was not paused`,
  });
});
