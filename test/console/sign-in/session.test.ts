import Router from '@koa/router';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { may, type Right, type Role, rights, roles } from '../../../src/console/contract/rights.js';
import type { Area } from '../../../src/console/server/area.js';
import { startConsole, testPassword } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A route for each right, which says who came. */
const area: Area = ({ requires }) => {
  const router = new Router();
  for (const right of rights) {
    router.get(`/try/${right}`, requires(right), (ctx) => {
      ctx.body = ctx.state.user;
    });
    router.post(`/try/${right}`, requires(right), (ctx) => {
      ctx.body = ctx.request.body;
    });
  }
  return router;
};

describe('rights', () => {
  test.each(roles)('of the role %s are all it may', async (role: Role) => {
    const console = await startConsole(database, { areas: [area] });
    const person = await console.signedIn(role, `rights-${role}`);
    for (const right of rights) {
      const answer = await person.get(`try/${right}`);
      expect([right, answer.status]).toEqual([right, may(role, right) ? 200 : 403]);
      const changed = await person.send('POST', `try/${right}`, { a: 1 });
      expect([right, changed.status]).toEqual([right, may(role, right) ? 200 : 403]);
      if (!may(role, right)) expect(await changed.json()).toMatchObject({ error: 'forbidden' });
    }
  });

  test('nobody has any without being signed in', async () => {
    const console = await startConsole(database, { areas: [area] });
    for (const right of rights) {
      const answer = await console.visitor().get(`try/${right}?lang=zh-CN`);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toEqual({ error: 'signed_out', message: '请先登录' });
    }
    expect((await console.visitor().get('no-such-thing')).status).toBe(401);
  });

  test('a new role holds from the next request on', async () => {
    const console = await startConsole(database, { areas: [area] });
    const person = await console.signedIn('operator', 'falls');
    expect((await person.get('try/operate')).status).toBe(200);
    await database.pool.query(`update wechat.console_user set role = 'viewer' where name = 'falls'`);
    expect((await person.get('try/operate')).status).toBe(403);
  });

  test('a route that asks for none keeps the console from starting', async () => {
    const open: Area = () => new Router().get('/open', () => undefined);
    await expect(startConsole(database, { areas: [open] })).rejects.toThrow(/ask for no right: GET \/open/);
  });

  test('a stream that stays open can ask whether its session still may', async () => {
    const answers: boolean[] = [];
    const stream: Area = ({ requires, stillMay }) =>
      new Router().get('/stream', requires('read'), async (ctx) => {
        answers.push(await stillMay(ctx));
        await database.pool.query(`delete from wechat.console_session where user_name = 'watcher'`);
        answers.push(await stillMay(ctx));
        ctx.body = {};
      });
    const console = await startConsole(database, { areas: [stream] });
    const person = await console.signedIn('viewer', 'watcher');
    await person.get('stream');
    expect(answers).toEqual([true, false]);
  });
});

describe('a session', () => {
  test('tells the page who is signed in, and strangers nothing', async () => {
    const console = await startConsole(database);
    const stranger = await console.visitor().session();
    expect(stranger).toEqual({
      user: null,
      csrf: null,
      signIn: { password: expect.any(Boolean), oidc: null, header: false },
      accounts: [],
      version: '',
    });
    const person = await console.signedIn('agent', '小王');
    const view = await person.session();
    expect(view.user).toEqual({
      ...{ name: '小王', displayName: '小王', role: 'agent', via: 'password' },
      rights: ['read', 'chat'] satisfies Right[],
    });
    expect(view.accounts).toEqual([{ appId: 'wx0123456789abcdef', name: '本公众号' }]);
    expect(view.version).toBe('1.2.3');
  });

  test('has a cookie that no script and no other site sees, for https alone where the console is there', async () => {
    const console = await startConsole(database);
    await console.addUser('cookies', 'viewer');
    const answer = await console.visitor().signIn('cookies');
    for (const line of answer.headers.getSetCookie())
      expect(line).toMatch(/^wechat_console(_device)?=[\w.-]+; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const secure = await startConsole(database, { settings: { CONSOLE_TRUSTED_PROXIES: '127.0.0.1' } });
    const behind = await secure.visitor({ 'x-forwarded-proto': 'https' }).signIn('cookies');
    for (const line of behind.headers.getSetCookie()) expect(line).toMatch(/; Secure$/);
  });

  test('is not in the database but as a hash', async () => {
    const console = await startConsole(database);
    const person = await console.signedIn('viewer', 'hashed');
    const token = person.cookies.get('wechat_console') ?? '';
    const rows = await database.rows<{ all: string }>(
      `select string_agg(s::text, ' ') as all from wechat.console_session s where user_name = 'hashed'`,
    );
    expect(token.length).toBeGreaterThan(40);
    expect(rows[0]?.all).not.toContain(token);
    expect(rows[0]?.all).not.toContain(Buffer.from(token).toString('hex'));
  });

  test('that somebody put into the browser before is worth nothing after the sign-in', async () => {
    const console = await startConsole(database);
    const attacker = await console.signedIn('viewer', 'attacker');
    await console.addUser('victim', 'viewer');
    const victim = console.visitor();
    const planted = attacker.cookies.get('wechat_console') ?? '';
    victim.cookies.set('wechat_console', planted);
    expect((await victim.signIn('victim')).status).toBe(204);
    expect(victim.cookies.get('wechat_console')).not.toBe(planted);
    expect((await victim.session()).user?.name).toBe('victim');
    expect((await attacker.session()).user).toBe(null);
    const made = console.visitor();
    made.cookies.set('wechat_console', 'of-my-own-making');
    expect((await made.session()).user).toBe(null);
  });

  test('ends by sign-out, and the cookie is worth nothing then', async () => {
    const console = await startConsole(database);
    const person = await console.signedIn('viewer', 'leaves');
    const copy = console.visitor();
    copy.cookies.set('wechat_console', person.cookies.get('wechat_console') ?? '');
    const forged = await person.send('POST', 'sign-out', undefined, { 'x-csrf-token': '' });
    expect(forged.status).toBe(403);
    expect((await person.send('POST', 'sign-out')).status).toBe(204);
    expect(person.cookies.has('wechat_console')).toBe(false);
    expect((await copy.session()).user).toBe(null);
  });

  test.each([
    ['idle', `seen_at = now() - interval '13 hours'`],
    ['a week old', `ends_at = now() - interval '1 second'`],
  ])('ends when it is %s', async (what, change) => {
    const console = await startConsole(database);
    const name = `old ${what}`.replaceAll(' ', '-');
    const person = await console.signedIn('viewer', name);
    await database.pool.query(`update wechat.console_session set ${change} where user_name = $1`, [name]);
    expect((await person.session()).user).toBe(null);
  });

  test('is kept alive by use, which the list of users shows', async () => {
    const console = await startConsole(database);
    const person = await console.signedIn('viewer', 'busy');
    await database.pool.query(
      `update wechat.console_session set seen_at = now() - interval '11 hours' where user_name = 'busy'`,
    );
    expect((await person.session()).user?.name).toBe('busy');
    const [row] = await database.rows<{ fresh: boolean }>(
      `select seen_at > now() - interval '1 minute' as fresh from wechat.console_session where user_name = 'busy'`,
    );
    expect(row?.fresh).toBe(true);
  });
});

describe('a change', () => {
  test.each([
    ['without the CSRF token', { 'x-csrf-token': '' }, 'csrf'],
    ['with another one', { 'x-csrf-token': 'A'.repeat(43) }, 'csrf'],
    ['from the page of another site', { origin: 'https://evil.example' }, 'other_origin'],
    ['from an origin that hides', { origin: 'null' }, 'other_origin'],
    ['that the browser marks as of another site', { 'sec-fetch-site': 'cross-site' }, 'other_origin'],
    ['that the browser marks as of a neighbour', { 'sec-fetch-site': 'same-site' }, 'other_origin'],
  ])('is refused %s', async (what, headers, error) => {
    const console = await startConsole(database, { areas: [area] });
    const person = await console.signedIn('viewer', `csrf-${what.replaceAll(' ', '-')}`);
    const answer = await person.send('POST', 'try/read', {}, headers);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error });
  });

  test('with the token of another session is refused', async () => {
    const console = await startConsole(database, { areas: [area] });
    const one = await console.signedIn('viewer', 'csrf-one');
    const other = await console.signedIn('viewer', 'csrf-other');
    const answer = await one.send('POST', 'try/read', {}, { 'x-csrf-token': other.csrf });
    expect(answer.status).toBe(403);
  });

  test('is taken from the own page, also through a proxy', async () => {
    const settings = { CONSOLE_URL: 'http://ops.example.com/outbox/console' };
    const console = await startConsole(database, { areas: [area] });
    const person = await console.signedIn('viewer', 'own-page');
    const { origin } = new URL(console.url);
    expect((await person.send('POST', 'try/read', {}, { origin })).status).toBe(200);
    const marked = { origin: 'https://any.example', 'sec-fetch-site': 'same-origin' };
    expect((await person.send('POST', 'try/read', {}, marked)).status).toBe(200);

    const { createBrowser } = await import('../../../src/console/server/browser.js');
    const { readConfig } = await import('../../../src/config/settings.js');
    const config = readConfig({
      ...{ WECHAT_APP_ID: 'wx0123456789abcdef', WECHAT_APP_SECRET: '0'.repeat(32), WECHAT_TOKEN: 'token' },
      ...{ REPLIES: './replies.js', ...settings },
    });
    const browser = createBrowser(config.console);
    const from = (headers: Record<string, string>) =>
      browser.isOwnPage({
        get: (name: string) => headers[name] ?? '',
        req: { socket: { remoteAddress: '10.1.2.3' } },
      } as unknown as Parameters<typeof browser.isOwnPage>[0]);
    expect(from({ origin: 'http://ops.example.com', host: '127.0.0.1:3001' })).toBe(true);
    expect(from({ origin: 'http://127.0.0.1:3001', host: '127.0.0.1:3001' })).toBe(false);
  });

  test('sign-in itself is refused from another site, and as a form', async () => {
    const console = await startConsole(database);
    await console.addUser('forms', 'viewer');
    const body = { name: 'forms', password: testPassword };
    const stranger = console.visitor();
    const other = await stranger.send('POST', 'sign-in', body, { origin: 'https://evil.example' });
    expect(other.status).toBe(403);
    const form = await stranger.fetch('api/sign-in', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify(body),
    });
    expect(form.status).toBe(415);
    expect(stranger.cookies.size).toBe(0);
  });

  test('that is no JSON, or too long, is refused in words', async () => {
    const console = await startConsole(database, { areas: [area] });
    const person = await console.signedIn('viewer', 'bodies');
    const broken = await person.fetch('api/try/read', {
      method: 'POST',
      headers: { 'x-csrf-token': person.csrf, 'content-type': 'application/json' },
      body: '{"a":',
    });
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ error: 'bad_request' });
    const long = await person.send('POST', 'try/read', { text: 'x'.repeat(2_000_000) });
    expect(long.status).toBe(413);
  });
});
