import { describe, expect, onTestFinished, test } from 'vitest';
import { createAccessTokens } from '../../src/accounts/access-token.js';
import { createCredentialStore } from '../../src/accounts/credential-store.js';
import { createKysely } from '../../src/db/kysely.js';
import { createPool } from '../../src/db/pool.js';
import { createClient } from '../../src/wechat/out/client.js';
import { type Stage, setStage, settled } from '../support/stage.js';

/** As a process of its own would have them: with its own pool, cache and client. */
function tokensOfAnotherProcess({ database, simulator }: Stage, clock = () => new Date()) {
  const pool = createPool({
    connectionString: database.url,
    name: 'test',
    max: 3,
    statementTimeoutMs: 20_000,
    onError: () => undefined,
  });
  const client = createClient({ apiBase: simulator.apiBase });
  onTestFinished(async () => {
    await client.destroy();
    await pool.end();
  });
  return createAccessTokens({
    store: createCredentialStore(createKysely(pool)),
    fetchToken: client.fetchToken,
    clock,
  });
}

const tokenCalls = ({ simulator }: Stage) =>
  simulator.calls.filter(({ path }) => path === '/cgi-bin/stable_token').length;

describe('the access token', () => {
  test('is asked for once when twenty workers start with an expired one', async () => {
    const stage = await setStage();
    await stage.database.pool.query(
      `insert into wechat.credential (app_id, kind, value, expires_at) values ($1, 'access_token', 'old', now() - interval '1 hour')`,
      [stage.account.appId],
    );
    stage.simulator.faults.add({ path: '/cgi-bin/stable_token', fault: { delayMs: 300 } });
    const values = await Promise.all(
      Array.from({ length: 20 }, () => tokensOfAnotherProcess(stage).get(stage.account)),
    );
    expect(tokenCalls(stage)).toBe(1);
    expect(new Set(values)).toEqual(new Set([stage.simulator.tokens.current(stage.account.appId)]));
    expect(await stage.database.rows('select version from wechat.credential')).toEqual([{ version: '2' }]);
  });

  test('is read from memory, then from Postgres, before WeChat is asked', async () => {
    const stage = await setStage();
    const first = tokensOfAnotherProcess(stage);
    const value = await first.get(stage.account);
    expect(await first.get(stage.account)).toBe(value);
    expect(await tokensOfAnotherProcess(stage).get(stage.account)).toBe(value);
    expect(tokenCalls(stage)).toBe(1);
  });

  test('is renewed in the background in its last five minutes, and nobody waits', async () => {
    let now = Date.now();
    const stage = await setStage({ clock: () => now });
    const tokens = tokensOfAnotherProcess(stage, () => new Date(now));
    const first = await tokens.get(stage.account);
    now += (7_200 - 299) * 1_000;
    stage.simulator.faults.add({ path: '/cgi-bin/stable_token', fault: { delayMs: 200 } });
    expect(await tokens.get(stage.account)).toBe(first);
    await expect.poll(() => tokens.get(stage.account)).not.toBe(first);
    expect(tokenCalls(stage)).toBe(2);
  });

  test('that WeChat refuses a hundred times at once is renewed once', async () => {
    const stage = await setStage();
    const workers = Array.from({ length: 4 }, () => tokensOfAnotherProcess(stage));
    const [failed] = await Promise.all(workers.map((tokens) => tokens.get(stage.account)));
    stage.simulator.tokens.expire(stage.account.appId);
    const renewed = await Promise.all(
      Array.from({ length: 100 }, (_, index) => workers[index % 4]?.replace(stage.account, failed ?? '')),
    );
    expect(new Set(renewed)).toEqual(new Set([stage.simulator.tokens.current(stage.account.appId)]));
    expect(tokenCalls(stage)).toBe(2);
  });

  test('that WeChat hands out again although it refuses it is replaced by force', async () => {
    const stage = await setStage();
    const tokens = tokensOfAnotherProcess(stage);
    const value = await tokens.get(stage.account);
    expect(await tokens.replace(stage.account, value)).not.toBe(value);
    expect(stage.simulator.tokens.forcedRefreshes).toBe(1);
  });

  test('is replaced by force no more often than WeChat allows: 30 s apart, 20 on a day in Shanghai', async () => {
    // 22:00 in Shanghai.
    let now = Date.parse('2026-03-01T14:00:00Z');
    const stage = await setStage({ clock: () => now });
    const forced = () => stage.simulator.tokens.forcedRefreshes;
    // Another process each time: what counts is on record, not in memory.
    const replaceAnew = async () => {
      const tokens = tokensOfAnotherProcess(stage, () => new Date(now));
      await tokens.replace(stage.account, await tokens.get(stage.account));
    };
    await replaceAnew();
    expect(forced()).toBe(1);
    now += 29_000;
    await replaceAnew();
    expect(forced()).toBe(1);
    for (let time = 2; time <= 20; time += 1) {
      now += 31_000;
      await replaceAnew();
      expect(forced()).toBe(time);
    }
    now += 31_000;
    await replaceAnew();
    expect(forced()).toBe(20);
    now = Date.parse('2026-03-01T16:00:01Z');
    await replaceAnew();
    expect(forced()).toBe(21);
  });

  test('comes from the classic API where the account is set to that', async () => {
    const stage = await setStage();
    const account = { ...stage.account, accessTokenMode: 'classic' } as const;
    const tokens = tokensOfAnotherProcess(stage);
    const value = await tokens.get(account);
    const again = await tokens.replace(account, value);
    expect(again).not.toBe(value);
    expect(again).toBe(stage.simulator.tokens.current(account.appId));
    expect(stage.simulator.calls.map(({ path }) => path)).toEqual(['/cgi-bin/token', '/cgi-bin/token']);
    expect(await tokensOfAnotherProcess(stage).get(account)).toBe(again);
  });

  test('cannot be had with a wrong secret, and the error says why', async () => {
    const stage = await setStage();
    const tokens = tokensOfAnotherProcess(stage);
    await expect(tokens.get({ ...stage.account, appSecret: 'wrong' })).rejects.toMatchObject({
      code: 'ACCESS_TOKEN',
      errorClass: 'account',
      errcode: 40125,
    });
  });
});

test('replies go out by the classic API, too', async () => {
  const { simulator, start } = await setStage();
  await start({ replies: () => 'hi', settings: { ACCESS_TOKEN_MODE: 'classic' } });
  await simulator.user('oUser').say('hello');
  await simulator.waitForDelivered('oUser', 1);
  expect(simulator.calls.map(({ path }) => path)).toEqual(['/cgi-bin/token', '/cgi-bin/message/custom/send']);
});

test('a reply refused for its token is sent again at once with a new one, without a counted failure', async () => {
  const stage = await setStage();
  const { simulator, database, account, start } = stage;
  await start();
  await simulator.user('oUser').say('one');
  await simulator.waitForDelivered('oUser', 1);
  simulator.tokens.expire(account.appId);
  await simulator.user('oUser').say('two');
  await simulator.waitForDelivered('oUser', 2);
  await settled(database, 2);
  expect(
    await database.rows(
      `select a.attempt, a.outcome, a.errcode, d.failures from wechat.delivery d
       join wechat.delivery_attempt a on a.delivery_id = d.id
       where d.id = (select max(id) from wechat.delivery) order by a.attempt`,
    ),
  ).toEqual([
    { attempt: 1, outcome: 'token', errcode: 40001, failures: 0 },
    { attempt: 2, outcome: 'sent', errcode: 0, failures: 0 },
  ]);
});
