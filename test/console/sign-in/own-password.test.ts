import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startConsole, type TestConsole, testPassword } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let console: TestConsole;
beforeEach(async () => {
  console = await startConsole(database);
  await database.pool.query('delete from wechat.sign_in_attempt');
});

const another = 'another horse entirely';

test('is changed by whoever knows the old one; all other sessions end, and this one goes on', async () => {
  await console.addUser('mei', 'viewer');
  const [here, there] = [console.visitor(), console.visitor()];
  await here.signIn('mei');
  await there.signIn('mei');
  const token = here.cookies.get('wechat_console');
  expect((await here.send('POST', 'password', { old: testPassword, password: another })).status).toBe(204);
  // Whoever has seen the token of before has nothing of it.
  expect(here.cookies.get('wechat_console')).not.toBe(token);
  expect((await here.session()).user?.name).toBe('mei');
  expect((await there.session()).user).toBe(null);
  expect((await console.visitor().signIn('mei')).status).toBe(401);
  expect((await console.visitor().signIn('mei', another)).status).toBe(204);
  expect(
    await database.rows(
      `select actor, action, details from wechat.operator_action where action = 'user_change' and actor = 'mei'`,
    ),
  ).toEqual([{ actor: 'mei', action: 'user_change', details: { user: 'mei', password: 'changed' } }]);
});

test('is not changed by whoever sits down at an open browser: guesses are counted', async () => {
  await console.addUser('li', 'admin');
  const person = console.visitor();
  await person.signIn('li');
  const wrong = await person.send('POST', 'password?lang=en', { old: 'a guess', password: another });
  expect([wrong.status, await wrong.json()]).toEqual([
    403,
    { error: 'wrong', message: 'The old password is wrong' },
  ]);
  const [counted] = await database.rows<{ failures: number }>(
    'select failures from wechat.sign_in_attempt order by failures desc limit 1',
  );
  expect(counted).toEqual({ failures: 1 });
  await database.pool.query(
    `update wechat.sign_in_attempt set failures = 12, blocked_until = now() + interval '1 minute'`,
  );
  const answer = await person.send('POST', 'password', { old: testPassword, password: another });
  expect([answer.status, await answer.json()]).toMatchObject([429, { error: 'too_many' }]);
  expect((await person.session()).user?.name).toBe('li');
});

test('takes a session, its token, a password that is long enough, and that there is one', async () => {
  const change = { old: testPassword, password: another };
  expect((await console.visitor().send('POST', 'password', change)).status).toBe(401);
  const without = await console.signedIn('viewer', 'without');
  const refused = await without.send('POST', 'password', change);
  expect([refused.status, await refused.json()]).toMatchObject([409, { error: 'no_password' }]);
  await console.addUser('han', 'viewer');
  const han = console.visitor();
  await han.signIn('han');
  expect((await han.send('POST', 'password', change, { 'x-csrf-token': 'other' })).status).toBe(403);
  expect((await han.send('POST', 'password', { ...change, password: 'short' })).status).toBe(400);
  expect((await console.visitor().signIn('han')).status).toBe(204);
});
