import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { waitAfter } from '../../../src/console/server/sign-in/attempts.js';
import { hashPassword, isOutdated, isPassword } from '../../../src/console/server/sign-in/password.js';
import { startConsole, type TestConsole, testPassword } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let console: TestConsole;
beforeEach(async () => {
  // What a proxy says of addresses is believed here, so that one test can come from many.
  console = await startConsole(database, { settings: { CONSOLE_TRUSTED_PROXIES: '127.0.0.1' } });
  await database.pool.query('delete from wechat.sign_in_attempt');
});

const from = (address: string) => console.visitor({ 'x-forwarded-for': address });

/** As if so many had failed from there before, the last one right now. */
async function failMany(name: string, address: string): Promise<void> {
  // Guesses at a name that does not exist are counted alike, and the first of them tells the keys.
  await from(address).signIn(name, 'wrong password');
  await database.pool.query(
    `update wechat.sign_in_attempt set failures = 12, blocked_until = now() + interval '1 minute'`,
  );
}

describe('a password', () => {
  test('is kept as scrypt with its cost and a salt of its own', async () => {
    const [one, other] = await Promise.all([hashPassword(testPassword), hashPassword(testPassword)]);
    expect(one).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
    expect(one).not.toBe(other);
    expect(await isPassword(testPassword, one)).toBe(true);
    expect(await isPassword('another one', one)).toBe(false);
    expect(await isPassword(testPassword, null)).toBe(false);
  });

  test('that was kept with less is kept anew at the next sign-in', async () => {
    await console.addUser('weak', 'viewer');
    const { scryptSync } = await import('node:crypto');
    const salt = Buffer.from('sixteen bytes ..');
    const hash = scryptSync(testPassword, salt, 32, { N: 1024, r: 8, p: 1 });
    const weak = `scrypt$1024$8$1$${salt.toString('base64url')}$${hash.toString('base64url')}`;
    expect(isOutdated(weak)).toBe(true);
    await database.pool.query(`update wechat.console_user set password = $1 where name = 'weak'`, [weak]);
    expect((await from('192.0.2.1').signIn('weak')).status).toBe(204);
    const rows = await database.rows<{ password: string }>(
      `select password from wechat.console_user where name = 'weak'`,
    );
    expect(rows[0]?.password).toMatch(/^scrypt\$32768\$8\$3/);
    expect((await from('192.0.2.1').signIn('weak')).status).toBe(204);
  });
});

test.each([
  ['a wrong password', 'known', 'wrong password'],
  ['nobody of that name', 'unknown', testPassword],
  ['somebody who is disabled', 'disabled', testPassword],
  ['somebody without a password', 'without', ''],
])('%s is refused like all others', async (_what, name, password) => {
  await console.addUser('known', 'viewer').catch(() => undefined);
  await console.addUser('disabled', 'viewer').catch(() => undefined);
  await database.pool.query(`update wechat.console_user set disabled = true where name = 'disabled'`);
  await console.signedIn('viewer', 'without').catch(() => undefined);
  const visitor = from('192.0.2.2');
  const answer = await visitor.signIn(name, password);
  expect(answer.status).toBe(401);
  expect(await answer.json()).toEqual({ error: 'wrong', message: 'Name or password is wrong' });
  expect(visitor.cookies.size).toBe(0);
});

describe('guessing', () => {
  test('waits longer each time, up to 15 minutes', () => {
    expect([1, 4, 5, 6, 7, 14, 15, 100].map((failures) => waitAfter(failures, 5))).toEqual([
      0, 0, 1, 2, 4, 512, 900, 900,
    ]);
  });

  test('at one name from one address is told to wait, also with the right password', async () => {
    await console.addUser('guessed', 'viewer');
    await failMany('guessed', '198.51.100.1');
    const answer = await from('198.51.100.1').signIn('guessed');
    expect(answer.status).toBe(429);
    const { retryAfterSeconds, error } = (await answer.json()) as Record<string, unknown>;
    expect(error).toBe('too_many');
    expect(retryAfterSeconds).toBeGreaterThan(50);
    expect(answer.headers.get('retry-after')).toBe(String(retryAfterSeconds));
  });

  test('locks nobody out: the same name gets in from another address', async () => {
    await console.addUser('elsewhere', 'viewer');
    await failMany('elsewhere', '198.51.100.2');
    expect((await from('203.0.113.7').signIn('elsewhere')).status).toBe(204);
  });

  test('locks nobody out: a browser that signed in before gets in from the same address', async () => {
    await console.addUser('regular', 'viewer');
    await console.addUser('neighbour', 'viewer');
    const known = from('198.51.100.3');
    expect((await known.signIn('regular')).status).toBe(204);
    await known.send('POST', 'sign-out');
    await failMany('regular', '198.51.100.3');
    expect((await from('198.51.100.3').signIn('regular')).status).toBe(429);
    expect((await known.signIn('regular')).status).toBe(204);
    // Its mark is for that name alone.
    expect((await known.signIn('neighbour')).status).toBe(429);
  });

  test('with a mark of one’s own making is guessing from an address', async () => {
    await console.addUser('marked', 'viewer');
    await failMany('marked', '198.51.100.4');
    const forged = from('198.51.100.4');
    forged.cookies.set('wechat_console_device', `${'A'.repeat(22)}.${'B'.repeat(43)}`);
    expect((await forged.signIn('marked')).status).toBe(429);
  });

  test('many at once are counted like one after the other', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => from('198.51.100.5').signIn('many', 'wrong password')),
    );
    const statuses = answers.map(({ status }) => status);
    // Five are free; the fifth begins the wait, which may be over before the last of them comes.
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(7);
    const rows = await database.rows<{ failures: number }>(
      'select failures from wechat.sign_in_attempt order by failures',
    );
    const counted = statuses.filter((status) => status === 401).length;
    expect(rows.map(({ failures }) => failures)).toEqual([counted, counted]);
    expect(statuses).toContain(429);
  });

  test('is not wiped out for an address by a sign-in that works', async () => {
    await console.addUser('own', 'viewer');
    const attacker = from('198.51.100.6');
    await attacker.signIn('other-1', 'wrong password');
    await attacker.signIn('other-2', 'wrong password');
    expect((await attacker.signIn('own')).status).toBe(204);
    const rows = await database.rows<{ failures: number }>(
      'select failures from wechat.sign_in_attempt order by failures',
    );
    expect(rows.map(({ failures }) => failures)).toEqual([1, 1, 2]);
  });

  test('from one network of IPv6 is guessing from one address', async () => {
    await failMany('six', '2001:db8:1:2::1');
    expect((await from('2001:db8:1:2:ffff::9').signIn('six', 'wrong password')).status).toBe(429);
    expect((await from('2001:db8:1:3::1').signIn('six', 'wrong password')).status).toBe(401);
  });

  test('from behind made-up addresses is guessing from the one that the proxy saw', async () => {
    await failMany('hops', '198.51.100.8');
    const answer = await from('203.0.113.1, 198.51.100.8').signIn('hops', 'wrong password');
    expect(answer.status).toBe(429);
  });

  test('leaves a line in the log, without what was typed for a name that nobody has', async () => {
    await from('198.51.100.9').signIn('my secret password', 'x');
    expect(console.logged.find(({ event }) => event === 'sign_in_refused')).toMatchObject({
      level: 'warn',
      via: 'password',
      address: '198.51.100.9',
    });
    expect(JSON.stringify(console.logged)).not.toContain('my secret password');
  });
});
