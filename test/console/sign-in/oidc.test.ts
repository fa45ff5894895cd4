import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startConsole, type TestConsole, Visitor } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { type Account, freePort, startIssuer } from '../../support/issuer.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

async function start(account: Account, more: Record<string, string> = {}): Promise<TestConsole> {
  const url = `http://127.0.0.1:${await freePort()}/console`;
  const settings = {
    CONSOLE_URL: url,
    CONSOLE_OIDC_ISSUER: await startIssuer(account, url),
    CONSOLE_OIDC_CLIENT_ID: 'console',
    CONSOLE_OIDC_CLIENT_SECRET: 'console-secret',
    ...more,
  };
  return startConsole(database, { settings });
}

/** Goes to the issuer and back as a browser does. @returns the address that it was sent back to */
async function goThere(visitor: Visitor): Promise<string> {
  const atIssuer = new Visitor('', {});
  let location = (await visitor.get('oidc')).headers.get('location') ?? '';
  for (let steps = 0; steps < 10 && !location.startsWith(`${visitor.base}/`); steps += 1) {
    const answer = await atIssuer.fetch(location);
    const next = answer.headers.get('location');
    if (!next) throw new Error(`The issuer led nowhere: ${answer.status} ${await answer.text()}`);
    location = new URL(next, location).href;
  }
  return location;
}

/** @returns where the console leads the browser then */
async function signIn(visitor: Visitor): Promise<string> {
  const answer = await visitor.fetch(await goThere(visitor));
  return answer.headers.get('location') ?? String(answer.status);
}

const zhang: Account = { sub: 'u-1', preferred_username: 'zhang', name: '张三' };

describe('sign-in by OpenID Connect', () => {
  test('makes a user of the default role, and finds the same one again under another name', async () => {
    const account = { ...zhang };
    const console = await start(account, { CONSOLE_OIDC_DEFAULT_ROLE: 'viewer' });
    const visitor = console.visitor();
    expect((await visitor.session()).signIn.oidc).toMatchObject({ path: 'oidc' });
    expect(await signIn(visitor)).toBe('../');
    expect((await visitor.session()).user).toMatchObject({
      ...{ name: 'zhang', displayName: '张三', role: 'viewer', via: 'oidc' },
    });
    account.preferred_username = 'renamed';
    const again = console.visitor();
    expect(await signIn(again)).toBe('../');
    expect((await again.session()).user?.name).toBe('zhang');
    const rows = await database.rows('select actor, action from wechat.operator_action');
    expect(rows).toEqual([{ actor: 'zhang', action: 'user_add' }]);
  });

  test('is refused without a role, and makes no user', async () => {
    const console = await start(zhang);
    const visitor = console.visitor();
    expect(await signIn(visitor)).toBe('../#/sign-in?problem=no_role');
    expect((await visitor.session()).user).toBe(null);
    expect(await database.rows('select from wechat.console_user')).toEqual([]);
  });

  test('gives the highest role of the claim, anew each time, and takes it away', async () => {
    const account: Account = { ...zhang, groups: ['staff', 'viewer', 'operator'] };
    const console = await start(account, { CONSOLE_OIDC_ROLE_CLAIM: 'groups' });
    const visitor = console.visitor();
    await signIn(visitor);
    expect((await visitor.session()).user?.role).toBe('operator');
    account.groups = 'agent';
    await signIn(visitor);
    expect((await visitor.session()).user?.role).toBe('agent');
    account.groups = ['staff'];
    const later = console.visitor();
    expect(await signIn(later)).toBe('../#/sign-in?problem=no_role');
    expect((await later.session()).user).toBe(null);
  });

  test('is that of a user who was added for it, with the role that they have here', async () => {
    const console = await start(zhang);
    await console.signedIn('analyst', 'zhang');
    const visitor = console.visitor();
    expect(await signIn(visitor)).toBe('../');
    expect((await visitor.session()).user).toMatchObject({ name: 'zhang', role: 'analyst' });
  });

  test('lets nobody be a user who signs in by password, or somebody else of the issuer', async () => {
    const account = { ...zhang };
    const console = await start(account, { CONSOLE_OIDC_DEFAULT_ROLE: 'viewer' });
    await console.addUser('root', 'admin');
    account.preferred_username = 'root';
    expect(await signIn(console.visitor())).toBe('../#/sign-in?problem=name_taken');
    account.preferred_username = 'zhang';
    expect(await signIn(console.visitor())).toBe('../');
    account.sub = 'u-2';
    expect(await signIn(console.visitor())).toBe('../#/sign-in?problem=name_taken');
  });

  test('is refused for a user who is disabled', async () => {
    const console = await start(zhang, { CONSOLE_OIDC_DEFAULT_ROLE: 'viewer' });
    await signIn(console.visitor());
    await database.pool.query('update wechat.console_user set disabled = true');
    expect(await signIn(console.visitor())).toBe('../#/sign-in?problem=disabled');
  });

  test('takes an answer only from the browser that asked, to what it asked, and once', async () => {
    const console = await start(zhang, { CONSOLE_OIDC_DEFAULT_ROLE: 'viewer' });
    const visitor = console.visitor();
    const answer = await goThere(visitor);
    const failed = '../#/sign-in?problem=failed';
    const stranger = console.visitor();
    expect((await stranger.fetch(answer)).headers.get('location')).toBe(failed);
    const other = console.visitor();
    await other.get('oidc');
    expect((await other.fetch(answer)).headers.get('location')).toBe(failed);

    const cookie = visitor.cookies.get('wechat_console_oidc') ?? '';
    const journey = JSON.parse(Buffer.from(cookie, 'base64url').toString()) as Record<string, string>;
    for (const wrong of ['state', 'nonce', 'verifier']) {
      const forged = { ...journey, [wrong]: 'A'.repeat(43) };
      const with_ = console.visitor();
      with_.cookies.set('wechat_console_oidc', Buffer.from(JSON.stringify(forged)).toString('base64url'));
      const fresh = wrong === 'nonce' ? await again(console, with_) : answer;
      expect([wrong, (await with_.fetch(fresh)).headers.get('location')]).toEqual([wrong, failed]);
    }
    for (const one of [stranger, other]) expect((await one.session()).user).toBe(null);
  });

  test('says so when the issuer is away', async () => {
    const console = await start(zhang, { CONSOLE_OIDC_ISSUER: `http://127.0.0.1:${await freePort()}` });
    const answer = await console.visitor().get('oidc');
    expect(answer.headers.get('location')).toBe('../#/sign-in?problem=issuer_away');
  });
});

/** A whole journey whose nonce is another than the one that the issuer was told. */
async function again(console: TestConsole, visitor: Visitor): Promise<string> {
  const browser = console.visitor();
  const answer = await goThere(browser);
  const cookie = browser.cookies.get('wechat_console_oidc') ?? '';
  const journey = JSON.parse(Buffer.from(cookie, 'base64url').toString()) as Record<string, string>;
  const forged = JSON.stringify({ ...journey, nonce: 'A'.repeat(43) });
  visitor.cookies.set('wechat_console_oidc', Buffer.from(forged).toString('base64url'));
  return answer;
}
