import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { consoleOf } from '../../../src/cli/start/console.js';
import { readConfig } from '../../../src/config/settings.js';
import { runInProcess } from '../../support/command-line.js';
import { startConsole, testPassword, Visitor } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { setStage } from '../../support/stage.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const run = (args: readonly string[], input = '', settings: Record<string, string> = {}) =>
  runInProcess(args, { DATABASE_URL: database.url, ...settings }, { input });

const addRoot = () =>
  run(['user', 'add', 'root', '--role', 'admin', '--password-stdin'], `${testPassword}\n`);

describe('wechat-outbox user', () => {
  test('adds somebody who can sign in, and changes their password', async () => {
    expect(await addRoot()).toMatchObject({ code: 0, out: 'added root, as admin' });
    const console = await startConsole(database);
    const root = console.visitor();
    expect((await root.signIn('root')).status).toBe(204);
    const changed = await run(['user', 'set-password', 'root', '--password-stdin'], 'another long one');
    expect(changed.code).toBe(0);
    expect((await root.session()).user).toBe(null);
    expect((await root.signIn('root', 'another long one')).status).toBe(204);
    const rows = await database.rows<{ actor: string; action: string }>(
      'select actor, action from wechat.operator_action order by id',
    );
    expect(rows.map(({ action }) => action)).toEqual(['user_add', 'user_change']);
    expect(rows[0]?.actor).toMatch(/@/);
  });

  test.each([
    [['add', 'x', '--role', 'viewer'], '', 2, '--password-stdin'],
    [['add', 'x', '--role', 'viewer', '--password-stdin'], 'short', 2, '10 to 500'],
    [['add', ' x', '--role', 'viewer', '--no-password'], '', 2, 'cannot be a name'],
    [['add', 'x', '--role', 'king', '--no-password'], '', 2, 'Allowed choices'],
    [['add', 'root', '--role', 'viewer', '--no-password'], '', 2, 'There is a user root already'],
    [['disable', 'nobody'], '', 2, 'There is no user nobody'],
    [['disable', 'root'], '', 2, 'last admin'],
    [['set-role', 'root', '--role', 'viewer'], '', 2, 'last admin'],
    [['remove', 'root', '--yes'], '', 2, 'last admin'],
    [['sessions', 'nobody'], '', 2, 'There is no user nobody'],
  ])('refuses %j', async (args, input, code, told) => {
    await addRoot();
    const outcome = await run(['user', ...args], input);
    expect(outcome.code).toBe(code);
    expect(outcome.err).toContain(told);
  });

  test('lists users and sessions, signs out, disables, enables and removes', async () => {
    await addRoot();
    await run(['user', 'add', '小王', '--role', 'agent', '--no-password', '--display-name', '王小明']);
    const console = await startConsole(database);
    const agent = await console.signedIn('agent', 'li');
    const list = await run(['user', 'list']);
    expect(list.out).toMatch(/小王 +王小明 +agent +none +enabled +0/);
    expect(list.out).toMatch(/li +li +agent +none +enabled +1/);
    expect(JSON.parse((await run(['user', 'list', '--json'])).out)).toHaveLength(3);
    expect((await run(['user', 'sessions', 'li'])).out).toMatch(/password +127\.0\.0\.1/);
    expect((await run(['user', 'sessions', 'li', '--revoke'])).out).toBe('li: 1 session ended');
    expect((await agent.session()).user).toBe(null);
    expect((await run(['user', 'disable', 'root'])).code).toBe(2);
    expect((await run(['user', 'set-role', 'li', '--role', 'admin'])).code).toBe(0);
    expect((await run(['user', 'disable', 'root'])).code).toBe(0);
    expect((await console.visitor().signIn('root')).status).toBe(401);
    expect((await run(['user', 'enable', 'root'])).code).toBe(0);
    expect((await run(['user', 'remove', 'root', '--yes'])).code).toBe(0);
    expect((await run(['user', 'list'], '', { WECHAT_OUTBOX_LANG: 'zh-CN' })).out).not.toContain('root');
  });
});

describe('wechat-outbox console', () => {
  test('prints a link that signs an admin in', async () => {
    await addRoot();
    const console = await startConsole(database);
    const { out, code } = await run(['console'], '', { CONSOLE_URL: `${console.url}/` });
    expect(code).toBe(0);
    const link = new URL(out.split('\n').at(-1) ?? '');
    expect(link.href.startsWith(`${console.url}/api/link?key=`)).toBe(true);
    const visitor = console.visitor();
    await visitor.fetch('api/link', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: link.search.slice(1),
    });
    expect((await visitor.session()).user).toMatchObject({ role: 'admin', via: 'link' });
  });

  test('goes to the admin port where no setting says more, and nowhere where there is no console', async () => {
    const { out } = await run(['console', '--json'], '', { ADMIN_PORT: '3210', ADMIN_HOST: '0.0.0.0' });
    expect(JSON.parse(out).url).toMatch(/^http:\/\/127\.0\.0\.1:3210\/console\/api\/link\?key=/);
    expect((await run(['console'], '', { CONSOLE_PATH: 'off' })).code).toBe(2);
  });
});

describe('the service', () => {
  test('serves the console on its admin port, with a link in the log, beside health', async () => {
    const stage = await setStage();
    const config = readConfig({
      ...{ WECHAT_APP_ID: stage.account.appId, WECHAT_APP_SECRET: stage.account.appSecret },
      ...{ WECHAT_TOKEN: 'testtoken', REPLIES: './unused.js' },
    });
    const service = await stage.start({ console: consoleOf(config.console, '1.2.3') });
    const line = service.logged.find(({ event }) => event === 'console_link');
    expect(String(line?.url)).toContain(`:${service.adminPort}/console/api/link?key=`);
    const visitor = new Visitor(`${service.adminUrl}/console`, {});
    const link = new URL(String(line?.url));
    await visitor.fetch('api/link', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: link.search.slice(1),
    });
    expect((await visitor.session()).accounts.map(({ appId }) => appId)).toEqual([stage.account.appId]);
    expect((await fetch(`${service.adminUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${service.webhookPort}/console/`)).status).toBe(404);
  });

  test('has none where the settings want none', () => {
    const off = {
      path: undefined,
      url: undefined,
      trustedProxies: [],
      trustedHeader: undefined,
      oidc: undefined,
    };
    expect(consoleOf(off, '1.2.3')).toBe(undefined);
  });
});

test.each([
  [{ CONSOLE_PATH: 'console' }, 'CONSOLE_PATH must be off, or a path'],
  [{ CONSOLE_TRUSTED_PROXIES: '10.0.0.0/33' }, 'CONSOLE_TRUSTED_PROXIES must be addresses or ranges'],
  [{ CONSOLE_TRUSTED_HEADER: 'X-User' }, 'CONSOLE_TRUSTED_HEADER needs CONSOLE_TRUSTED_PROXIES'],
  [{ CONSOLE_OIDC_ISSUER: 'https://id.example.com' }, 'CONSOLE_OIDC_ISSUER needs CONSOLE_OIDC_CLIENT_ID'],
  [{ CONSOLE_OIDC_ISSUER: 'https://id.example.com' }, 'CONSOLE_OIDC_ISSUER needs CONSOLE_URL'],
  [{ CONSOLE_OIDC_ISSUER: 'http://id.example.com' }, 'CONSOLE_OIDC_ISSUER must be https'],
])('the settings %j need attention', (settings, problem) => {
  const account = { WECHAT_APP_ID: 'wx0123456789abcdef', WECHAT_APP_SECRET: '0'.repeat(32) };
  expect(() => readConfig({ ...account, WECHAT_TOKEN: 'token', REPLIES: './x.js', ...settings })).toThrow(
    problem,
  );
});
