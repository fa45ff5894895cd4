import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Role } from '../../../src/console/contract/rights.js';
import type { UserView } from '../../../src/console/contract/session.js';
import { startConsole, type TestConsole, testPassword, type Visitor } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
let console: TestConsole;
let admin: Visitor;
beforeEach(async () => {
  database = await createTestDatabase();
  console = await startConsole(database);
  admin = await console.signedIn('admin', 'root');
});
afterEach(async () => {
  await database.drop();
});

const actions = () =>
  database.rows<{ actor: string; action: string; details: unknown }>(
    `select actor, action, details from wechat.operator_action where actor <> 'test' order by id`,
  );

test('are added, listed, changed and removed, each on record under the name of who did it', async () => {
  const added = await admin.send('POST', 'users', {
    ...{ name: 'li', displayName: '李', role: 'agent', password: testPassword },
  });
  expect(added.status).toBe(201);
  expect(await added.json()).toEqual({
    ...{ name: 'li', displayName: '李', role: 'agent', hasPassword: true, disabled: false },
    ...{ createdAt: expect.stringMatching(/^\d{4}-.*Z$/), lastSeenAt: null, sessions: 0 },
  } satisfies UserView);
  const again = await admin.send('POST', 'users', { name: 'li', role: 'viewer' });
  expect([again.status, await again.json()]).toMatchObject([409, { error: 'exists' }]);

  const changed = await admin.send('PATCH', 'users/li', { role: 'operator', displayName: '老李' });
  expect(await changed.json()).toMatchObject({ role: 'operator', displayName: '老李' });
  const list = (await (await admin.get('users')).json()) as UserView[];
  expect(list.map(({ name, sessions }) => [name, sessions])).toEqual([
    ['li', 0],
    ['root', 1],
  ]);
  expect((await admin.send('DELETE', 'users/li')).status).toBe(204);
  expect((await admin.send('DELETE', 'users/li')).status).toBe(404);
  const all = await actions();
  expect(all).toEqual([
    { actor: 'root', action: 'user_add', details: { user: 'li', role: 'agent' } },
    {
      ...{ actor: 'root', action: 'user_change' },
      details: { user: 'li', role: 'operator', displayName: '老李' },
    },
    { actor: 'root', action: 'user_remove', details: { user: 'li' } },
  ]);
  expect(JSON.stringify(all)).not.toContain(testPassword);
});

test.each<Role>(['viewer', 'agent', 'analyst', 'operator'])(
  'are not the business of the role %s',
  async (role) => {
    const person = await console.signedIn(role, 'other');
    expect((await person.get('users')).status).toBe(403);
    expect((await person.send('POST', 'users', { name: 'x', role: 'admin' })).status).toBe(403);
    expect((await person.send('PATCH', 'users/other', { role: 'admin' })).status).toBe(403);
    expect((await person.send('DELETE', 'users/root')).status).toBe(403);
    expect((await person.send('DELETE', 'users/root/sessions')).status).toBe(403);
  },
);

test.each([
  ['a name with blanks around it', { name: ' li', role: 'viewer' }],
  ['a name with a line break', { name: 'l\ni', role: 'viewer' }],
  ['a role that there is not', { name: 'li', role: 'root' }],
  ['a password that is too short', { name: 'li', role: 'viewer', password: 'short' }],
  ['a field that there is not', { name: 'li', role: 'viewer', admin: true }],
])('are not added with %s', async (_what, body) => {
  const answer = await admin.send('POST', 'users', body);
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'bad_request' }]);
});

describe('the last admin', () => {
  test.each([
    ['removed', 'DELETE', undefined],
    ['given another role', 'PATCH', { role: 'viewer' }],
    ['disabled', 'PATCH', { disabled: true }],
  ])('is not %s', async (_what, method, body) => {
    // Neither counts: one may not sign in, and the other is none.
    await admin.send('POST', 'users', { name: 'gone', role: 'admin' });
    await admin.send('PATCH', 'users/gone', { disabled: true });
    await console.signedIn('operator', 'operator');
    const answer = await admin.send(method, 'users/root', body);
    expect([answer.status, await answer.json()]).toMatchObject([409, { error: 'last_admin' }]);
    expect((await admin.session()).user?.role).toBe('admin');
  });

  test('is left, also where two take the role from each other at once', async () => {
    const other = await console.signedIn('admin', 'other');
    const answers = await Promise.all([
      admin.send('PATCH', 'users/other', { role: 'viewer' }),
      other.send('PATCH', 'users/root', { role: 'viewer' }),
    ]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const rows = await database.rows(`select from wechat.console_user where role = 'admin'`);
    expect(rows).toHaveLength(1);
  });
});

test.each([
  ['disabled', 'PATCH', 'users/li', { disabled: true }],
  ['removed', 'DELETE', 'users/li', undefined],
  ['given another password', 'PATCH', 'users/li', { password: 'another long one' }],
  ['signed out', 'DELETE', 'users/li/sessions', undefined],
])('who are %s are signed out everywhere at once', async (_what, method, path, body) => {
  const person = await console.signedIn('operator', 'li');
  expect((await person.session()).user?.name).toBe('li');
  expect((await admin.send(method, path, body)).ok).toBe(true);
  expect((await person.session()).user).toBe(null);
  expect((await person.send('POST', 'users', {})).status).toBe(401);
  expect((await admin.session()).user?.name).toBe('root');
});
