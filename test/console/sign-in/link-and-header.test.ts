import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { UserView } from '../../../src/console/contract/session.js';
import { createLink } from '../../../src/console/server/sign-in/links.js';
import { startConsole, type TestConsole, type Visitor } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

/** As the button of the page that the link opens. */
const useLink = (visitor: Visitor, key: string, headers: Record<string, string> = {}) =>
  visitor.fetch('api/link', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({ key }).toString(),
  });

async function printedLink(console: TestConsole): Promise<URL> {
  await console.started();
  const line = console.logged.find(({ event }) => event === 'console_link');
  return new URL(String(line?.url));
}

describe('the link', () => {
  test('is printed while there is no user, and signs an admin in, once', async () => {
    const console = await startConsole(database);
    const link = await printedLink(console);
    expect(link.href.startsWith(`${console.url}/api/link?key=`)).toBe(true);
    const visitor = console.visitor();
    const opened = await visitor.fetch(link.href);
    const page = await opened.text();
    const key = /name="key" value="([\w-]{43})"/.exec(page)?.[1] ?? '';
    expect(link.searchParams.get('key')).toBe(key);
    // What only looks at it, as a chat's preview does, does not use it up.
    await console.visitor().fetch(link.href);

    const answer = await useLink(visitor, key);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '../']);
    expect((await visitor.session()).user).toMatchObject({ name: 'first-link', role: 'admin', via: 'link' });
    const added = await visitor.send('POST', 'users', { name: 'root', role: 'admin' });
    expect(added.status).toBe(201);

    const again = console.visitor();
    expect((await useLink(again, key)).status).toBe(403);
    expect((await again.session()).user).toBe(null);
  });

  test('of the log is worth nothing once there is a user, and is not printed then', async () => {
    const console = await startConsole(database);
    const link = await printedLink(console);
    await console.signedIn('viewer');
    const answer = await useLink(console.visitor(), link.searchParams.get('key') ?? '');
    expect(answer.status).toBe(403);
    const later = await startConsole(database);
    await later.started();
    expect(later.logged.filter(({ event }) => event === 'console_link')).toEqual([]);
  });

  test('of the command line works whoever there is, under that name', async () => {
    const console = await startConsole(database);
    await console.signedIn('viewer');
    const key = await createLink(console.pool, { name: 'ops@host', whileNoUser: false });
    const visitor = console.visitor();
    expect((await useLink(visitor, key)).status).toBe(303);
    expect((await visitor.session()).user?.name).toBe('ops@host');
  });

  test('of which somebody is signed in is seen by admins, who can end that', async () => {
    const console = await startConsole(database);
    const admin = await console.signedIn('admin', 'root');
    const key = await createLink(console.pool, { name: 'ops@host', whileNoUser: false });
    const visitor = console.visitor();
    await useLink(visitor, key);
    const users = (await (await admin.get('users')).json()) as UserView[];
    expect(users.map(({ name, byLink, role, sessions }) => [name, byLink, role, sessions])).toEqual([
      ['root', undefined, 'admin', 1],
      ['ops@host', true, 'admin', 1],
    ]);
    expect((await admin.send('DELETE', 'users/ops%40host/sessions')).status).toBe(204);
    expect((await visitor.session()).user).toBe(null);
    expect((await (await admin.get('users')).json()) as UserView[]).toHaveLength(1);
  });

  test('is used by one of two at once', async () => {
    const console = await startConsole(database);
    const key = await createLink(console.pool, { name: 'ops@host', whileNoUser: false });
    const answers = await Promise.all([useLink(console.visitor(), key), useLink(console.visitor(), key)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 403]);
  });

  test('is over after 15 minutes, and is not pressed by another site', async () => {
    const console = await startConsole(database);
    const key = await createLink(console.pool, { name: 'ops@host', whileNoUser: false });
    const [row] = await database.rows<{ minutes: number }>(
      'select round(extract(epoch from ends_at - now()) / 60)::int as minutes from wechat.console_link',
    );
    expect(row?.minutes).toBe(15);
    const other = await useLink(console.visitor(), key, { origin: 'https://evil.example' });
    expect(other.status).toBe(403);
    await database.pool.query(`update wechat.console_link set ends_at = now() - interval '1 second'`);
    expect((await useLink(console.visitor(), key)).status).toBe(403);
  });

  test('shows nothing of what stands in its address but a key', async () => {
    const console = await startConsole(database);
    const answer = await console.visitor().get('link?key=%22%3E%3Cscript%3Ealert(1)%3C/script%3E');
    expect(await answer.text()).not.toContain('script');
  });
});

describe('the header of a proxy', () => {
  const settings = {
    CONSOLE_TRUSTED_HEADER: 'X-Forwarded-User',
    CONSOLE_TRUSTED_PROXIES: '127.0.0.0/8, ::1',
  };

  test('signs in a user of that name, for as long as it says so', async () => {
    const console = await startConsole(database, { settings });
    await console.signedIn('operator', '王五');
    const header = Buffer.from('王五').toString('latin1');
    const visitor = console.visitor({ 'x-forwarded-user': header });
    const view = await visitor.session();
    expect(view.user).toMatchObject({ name: '王五', role: 'operator', via: 'header' });
    expect(view.signIn.header).toBe(true);

    const without = console.visitor();
    without.cookies.set('wechat_console', visitor.cookies.get('wechat_console') ?? '');
    expect((await without.get('users')).status).toBe(401);
    const other = console.visitor({ 'x-forwarded-user': 'root' });
    other.cookies.set('wechat_console', visitor.cookies.get('wechat_console') ?? '');
    expect((await other.get('users')).status).toBe(401);
  });

  test('signs in nobody whom the console does not know, or who is disabled', async () => {
    const console = await startConsole(database, { settings });
    await console.signedIn('admin', 'off');
    await database.pool.query(`update wechat.console_user set disabled = true where name = 'off'`);
    for (const name of ['off', 'nobody', ''])
      expect((await console.visitor({ 'x-forwarded-user': name }).session()).user).toBe(null);
  });

  test.each([
    ['an address that is not trusted', { ...settings, CONSOLE_TRUSTED_PROXIES: '10.0.0.0/8' }],
    ['anywhere, where no header is trusted', {}],
  ])('is not believed from %s', async (_what, given) => {
    const console = await startConsole(database, { settings: given });
    await console.signedIn('admin', 'root');
    // Nor does it help to claim to be somebody who is trusted.
    const visitor = console.visitor({ 'x-forwarded-user': 'root', 'x-forwarded-for': '10.0.0.1' });
    expect((await visitor.session()).user).toBe(null);
    expect(visitor.cookies.size).toBe(0);
    expect((await visitor.get('users')).status).toBe(401);
  });
});
