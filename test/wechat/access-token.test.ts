import { describe, expect, onTestFinished, test } from 'vitest';
import { createCredentialStore } from '../../src/db/credentials.js';
import { createKysely } from '../../src/db/kysely.js';
import { createPool } from '../../src/db/pool.js';
import { createAccessTokens } from '../../src/wechat/access-token.js';
import { createClient } from '../../src/wechat/client.js';
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
