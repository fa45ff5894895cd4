import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, inject, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/db/ports.js';
import { type Command, runCommand } from '../support/processes.js';
import { newAccount, startTestSimulator, type TestAccount } from '../support/service.js';
import { waitFor } from '../support/wait.js';
import { type Cluster, startCluster } from './support/cluster.js';

const exec = promisify(execFile);
const example = path.resolve(import.meta.dirname, '../../docs/examples/two-databases');
const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((file) => existsSync(file));
const psql = ['/usr/bin/psql'].find((file) => existsSync(file));
const isHere = Boolean(inject('postgresBin') && nginx && psql);
if (!isHere)
  process.stdout.write('left out: two databases behind nginx, for Debian has no nginx or psql here\n');

/** Both accounts, for both deployments: which of them one works for is the router's and the database's to say. */
function accountsFile(accounts: readonly TestAccount[]): { text: string; secrets: Record<string, string> } {
  const text = accounts.map(
    ({ appId }, n) =>
      `  - appId: ${appId}\n    appSecret: { env: SECRET_${n} }\n    token: { env: TOKEN_${n} }\n`,
  );
  const secrets = accounts.flatMap(({ appSecret, token }, n) => [
    [`SECRET_${n}`, appSecret],
    [`TOKEN_${n}`, token],
  ]);
  return { text: `accounts:\n${text.join('')}`, secrets: Object.fromEntries(secrets) };
}

interface Nginx {
  url: string;
  /** A shell command that sends an account to the other deployment. */
  move(appId: string, to: string): string;
}

/** The example's nginx, on free ports. */
async function startNginx(a: number, b: number, map: string): Promise<Nginx> {
  const directory = await mkdtemp(path.join(tmpdir(), 'wo-nginx-'));
  const port = await freePort();
  const given = await readFile(path.join(example, 'nginx.conf'), 'utf8');
  const text = given
    .replace('127.0.0.1:3000', `127.0.0.1:${a}`)
    .replace('127.0.0.1:3100', `127.0.0.1:${b}`)
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`);
  await writeFile(path.join(directory, 'nginx.conf'), text);
  await writeFile(path.join(directory, 'accounts.map'), map);
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const args = [
    '-p',
    directory,
    '-c',
    path.join(directory, 'nginx.conf'),
    '-e',
    'error.log',
    '-g',
    `daemon off; ${user}`,
  ];
  const child = spawn(nginx ?? '', args, { stdio: 'inherit' });
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}/wechat`;
  await waitFor('nginx', () =>
    fetch(url)
      .then(() => true)
      .catch(() => false),
  );
  return {
    url,
    move: (appId, to) =>
      `sed -i 's/^${appId} .*/${appId} ${to};/' ${directory}/accounts.map && kill -HUP $(cat ${directory}/nginx.pid)`,
  };
}

interface Deployment {
  cluster: Cluster;
  url: string;
  service: Command;
  port: number;
}

async function startDeployment(settings: Record<string, string>): Promise<Deployment> {
  const cluster = await startCluster();
  await cluster.sql('create database wechat');
  const url = cluster.url('wechat');
  const service = runCommand(['start'], {
    ...settings,
    ...{
      DATABASE_URL: url,
      PORT: '0',
      HOST: '127.0.0.1',
      ADMIN_PORT: '0',
      PUBLIC_URL: 'https://static.example.com',
    },
  });
  const started = await service.event('started');
  return { cluster, url, service, port: Number(started.webhook_port) };
}

async function setUp() {
  const [a, b] = [newAccount(), newAccount()];
  const simulator = await startTestSimulator(a, { moreAccounts: [b], retryDelayMs: 100 });
  onTestFinished(() => simulator.close());
  const directory = await mkdtemp(path.join(tmpdir(), 'wo-two-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'accounts.yaml');
  const { text, secrets } = accountsFile([a, b]);
  await writeFile(file, text);
  const module = path.join(directory, 'replies.mjs');
  await writeFile(
    module,
    "export const replies = ({ message }) => message.kind === 'text' ? message.content : undefined;\n",
  );
  const settings = { ...secrets, ACCOUNTS_FILE: file, WECHAT_API_BASE: simulator.apiBase, REPLIES: module };
  const atA = await startDeployment(settings);
  const atB = await startDeployment(settings);
  const router = await startNginx(atA.port, atB.port, `${a.appId} a;\n${b.appId} b;\n`);
  for (const { appId } of [a, b]) simulator.setWebhookUrl(`${router.url}/${appId}`, appId);
  return { a, b, simulator, atA, atB, router };
}

async function rowsOf(
  { cluster }: Deployment | { cluster: Cluster },
  from: string,
  database = 'wechat',
): Promise<string[]> {
  const rows = await cluster.sql(`select to_jsonb(t)::text as row from ${from} t`, database);
  return rows.map(({ row }) => String(row)).sort();
}

test.skipIf(!isHere)(
  'two deployments behind nginx, analysts over both, and an account that moves',
  {
    timeout: 400_000,
  },
  async () => {
    const { a, b, simulator, atA, atB, router } = await setUp();
    const say = async (appId: string, users: number, times: number) => {
      await Promise.all(
        Array.from({ length: users }, async (_, user) => {
          for (let n = 0; n < times; n += 1) await simulator.user(`oUser${user}`, appId).say(`${n}`);
        }),
      );
    };
    await Promise.all([say(a.appId, 8, 4), say(b.appId, 8, 4)]);
    await waitFor('all answers', () => simulator.delivered.length >= 64, 60_000);

    // Each account is in its own database alone.
    for (const [deployment, account] of [
      [atA, a],
      [atB, b],
    ] as const)
      expect(
        await deployment.cluster.sql('select distinct app_id from wechat.inbound_message', 'wechat'),
      ).toEqual([{ app_id: account.appId }]);

    // An account moves while its users write; nginx is told at the right moment.
    let isOver = false;
    const written = new Map<string, string[]>();
    const writers = Promise.all(
      Array.from({ length: 6 }, async (_, user) => {
        const texts: string[] = [];
        written.set(`oMoving${user}`, texts);
        for (let n = 0; !isOver; n += 1) {
          texts.push(`${n}`);
          const { outcome } = await simulator.user(`oMoving${user}`, a.appId).say(`${n}`);
          expect(outcome).toBe('acknowledged');
          await sleep(20);
        }
      }),
    );
    await sleep(1_000);
    const command = runCommand(
      ['move-account', a.appId, '--to', atB.url, '--switch', `${router.move(a.appId, 'b')} && sleep 0.2`],
      { DATABASE_URL: atA.url },
    );
    expect([await command.exited, command.errors]).toEqual([0, []]);
    await sleep(1_000);
    isOver = true;
    await writers;
    const total = [...written.values()].flat().length;
    const inbox = (openid: string) => simulator.inboxOf(openid, a.appId).map(({ text }) => text);
    await waitFor('all answers', () => [...written.keys()].flatMap(inbox).length >= total, 60_000);
    for (const [openid, texts] of written) expect(inbox(openid)).toEqual(texts);
    expect(await atA.cluster.sql('select count(*)::int as n from wechat.inbound_message', 'wechat')).toEqual([
      { n: 0 },
    ]);

    // Something of its own is at each side again, and then all stands still.
    await say(b.appId, 2, 1);
    for (const { service } of [atA, atB]) {
      service.child.kill('SIGTERM');
      await service.exited;
    }
    await compareViews(atA, atB);
  },
);

/** Each relation and each function that reads, in the analysts' database: exactly the rows of both. */
async function compareViews(atA: Deployment, atB: Deployment): Promise<void> {
  for (const { cluster } of [atA, atB])
    await cluster.sql(`create role analyst login in role wechat_analyst`, 'wechat');
  // Something is to be seen at A as well.
  await atA.cluster.sql(
    `insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, content, payload, created_at, status, settled_at)
     values ('wxOther', 'oOther', 'k', 'text', 'hello', '{}', now(), 'settled', now());
     insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, sent_at, attempts, attempt_started_at)
     select id, 1, app_id, openid, 'text', '{"msgtype":"text","text":{"content":"hello"}}', 'sent', now(), 1, now() from wechat.inbound_message`,
    'wechat',
  );
  const cluster = atB.cluster;
  await cluster.sql('create database analysts');
  const urls = [`a=${atA.cluster.url('wechat', 'analyst')}`, `b=${atB.cluster.url('wechat', 'analyst')}`];
  await exec('sh', [path.join(example, 'analysts.sh'), cluster.url('analysts'), ...urls]);

  const relations = await cluster.sql(
    `select relname as name from pg_class where relnamespace = 'wechat'::regnamespace and relkind in ('r', 'v')
     and has_table_privilege('analyst', oid, 'select') order by 1`,
    'wechat',
  );
  const views = await cluster.sql(
    `select relname as name from pg_class where relnamespace = 'wechat'::regnamespace and relkind = 'v' order by 1`,
    'wechat',
  );
  expect(views.length).toBeGreaterThanOrEqual(7);
  const ranges = views
    .map(({ name }) => `wechat.${name}_between('-infinity', 'infinity')`)
    .filter((one) => !/(message_history|delivery_failures|backlog)_between/.test(one));
  const existing = await cluster.sql(
    `select proname as name from pg_proc where pronamespace = 'wechat'::regnamespace`,
    'wechat',
  );
  const known = new Set(existing.map(({ name }) => `wechat.${name}`));
  const all = [
    ...relations.map(({ name }) => `wechat.${name}`),
    ...ranges.filter((one) => known.has(one.replace(/\(.*/, ''))),
    ...['wechat.backlog()', 'wechat.accounts()', `wechat.search_messages('hello')`],
  ];
  for (const from of all) {
    const both = [...(await rowsOf(atA, from)), ...(await rowsOf(atB, from))].sort();
    expect([from, await rowsOf({ cluster }, from, 'analysts')]).toEqual([from, both]);
  }
  expect((await rowsOf({ cluster }, 'wechat.message_history', 'analysts')).length).toBeGreaterThan(60);
}
