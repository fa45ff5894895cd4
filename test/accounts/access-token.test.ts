import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type AccessTokens, createAccessTokens } from '../../src/accounts/access-token.js';
import { createCredentialStore } from '../../src/accounts/credential-store.js';
import { createKysely } from '../../src/db/kysely.js';
import { persist } from '../../src/db/persist.js';
import { createPool } from '../../src/db/pool.js';
import type { FetchedToken } from '../../src/wechat/out/client.js';
import { TokenError } from '../../src/wechat/out/errors.js';
import { type Stage, setStage } from '../support/stage.js';
import { tokenCalls, tokensOfAnotherProcess } from '../support/tokens.js';
import { waitFor } from '../support/wait.js';

interface Process {
  tokens: AccessTokens;
  /** Asked of WeChat so far. */
  calls(): number;
  /** Asked of the database so far. */
  looks(): number;
}

/** One that asks as the test says. */
function processThatAsks(
  { database }: Stage,
  fetchToken: () => Promise<FetchedToken>,
  { leaseMs, clock = () => new Date() }: { leaseMs?: number; clock?: () => Date } = {},
): Process {
  let calls = 0;
  let looks = 0;
  const pool = createPool({
    connectionString: database.url,
    name: 'test',
    max: 1,
    statementTimeoutMs: 5_000,
    lockTimeoutMs: 100,
    onError: () => undefined,
  });
  onTestFinished(() => pool.end());
  pool.on('acquire', () => {
    looks += 1;
  });
  const durably = <T>(statements: () => Promise<T>) =>
    persist(statements, { signal: new AbortController().signal, onOutage: () => undefined });
  const store = createCredentialStore(createKysely(pool), { durably, ...(leaseMs ? { leaseMs } : {}) });
  const tokens = createAccessTokens({
    store,
    fetchToken() {
      calls += 1;
      return fetchToken();
    },
    clock,
  });
  return { tokens, calls: () => calls, looks: () => looks };
}

const token = (value: string): FetchedToken => ({ value, expiresInSeconds: 7_200 });

test('all that ask at once while none is in memory share one look at what is stored', async () => {
  const stage = await setStage();
  await stage.database.pool.query(
    `insert into wechat.credential (app_id, kind, value, expires_at)
     values ($1, 'access_token', 'stored', now() + interval '1 hour')`,
    [stage.account.appId],
  );
  const { tokens, calls, looks } = processThatAsks(stage, async () => token('fetched'));
  const values = await Promise.all(Array.from({ length: 50 }, () => tokens.get(stage.account)));
  expect(new Set(values)).toEqual(new Set(['stored']));
  expect({ calls: calls(), looks: looks() }).toEqual({ calls: 0, looks: 1 });
});

describe('a renewal', () => {
  test('holds no connection and no transaction while WeChat is asked, however long that takes', async () => {
    const stage = await setStage();
    const name = new URL(stage.database.url).pathname.slice(1);
    await stage.database.pool.query(
      `alter database ${name} set idle_in_transaction_session_timeout = '500ms'`,
    );
    let open: unknown[] = ['not looked at'];
    const { tokens, calls } = processThatAsks(stage, async () => {
      await sleep(1_500);
      open = await stage.database.rows(
        `select state, query from pg_stat_activity where application_name = 'wechat-outbox test'
         and datname = current_database() and state <> 'idle'`,
      );
      return token('slow');
    });
    expect(await tokens.get(stage.account)).toBe('slow');
    expect(open).toEqual([]);
    expect(calls()).toBe(1);
    expect(await stage.database.rows('select value, version, renewing_by from wechat.credential')).toEqual([
      { value: 'slow', version: '1', renewing_by: null },
    ]);
  });

  test('of a process that died holds up the others for its lease, and no longer', async () => {
    const stage = await setStage();
    await stage.database.pool.query(
      `insert into wechat.credential (app_id, kind, value, expires_at, version, renewing_by, renewing_until)
       values ($1, 'access_token', '', now(), 0, 'a process that died', now() + interval '1 second')`,
      [stage.account.appId],
    );
    const startedAt = performance.now();
    const others = [1, 2, 3].map(() => processThatAsks(stage, async () => token('fresh')));
    const values = await Promise.all(others.map(({ tokens }) => tokens.get(stage.account)));
    expect(values).toEqual(['fresh', 'fresh', 'fresh']);
    expect(performance.now() - startedAt).toBeGreaterThan(500);
    expect(others.map(({ calls }) => calls()).reduce((sum, one) => sum + one)).toBe(1);
  });

  test('that took longer than its lease stores nothing over what came meanwhile', async () => {
    const stage = await setStage();
    let answer = (_: FetchedToken) => {};
    const slow = processThatAsks(stage, () => new Promise((resolve) => (answer = resolve)), { leaseMs: 300 });
    const slowly = slow.tokens.get(stage.account);
    await waitFor('the slow one to ask', () => slow.calls() === 1);
    const quick = processThatAsks(stage, async () => token('newer'));
    expect(await quick.tokens.get(stage.account)).toBe('newer');
    answer(token('older'));
    expect(await slowly).toBe('newer');
    expect(await stage.database.rows('select value, version from wechat.credential')).toEqual([
      { value: 'newer', version: '1' },
    ]);
  });

  test('that fails leaves nothing behind, and the next process asks at once', async () => {
    const stage = await setStage();
    const failing = processThatAsks(stage, async () => {
      throw new TokenError('account', 40125, 'invalid appsecret');
    });
    await expect(failing.tokens.get(stage.account)).rejects.toThrow('invalid appsecret');
    expect(await stage.database.rows('select from wechat.credential')).toEqual([]);
    expect(await processThatAsks(stage, async () => token('good')).tokens.get(stage.account)).toBe('good');
  });

  test('that fails is followed by a pause, also while the token is in its last five minutes', async () => {
    const stage = await setStage();
    let nowMs = Date.now();
    const clock = () => new Date(nowMs);
    let fails = false;
    const { tokens, calls } = processThatAsks(
      stage,
      async () => {
        if (fails) throw new TokenError('transient', -1, 'system busy');
        return token(`token ${nowMs}`);
      },
      { clock },
    );
    const first = await tokens.get(stage.account);
    nowMs += (7_200 - 200) * 1_000;
    fails = true;
    const ask = async (times: number) => {
      for (let time = 0; time < times; time += 1) expect(await tokens.get(stage.account)).toBe(first);
    };
    await ask(1);
    await waitFor('the failure', () => calls() === 2);
    await ask(50);
    expect(calls()).toBe(2);
    nowMs += 600;
    await waitFor('the next try', async () => {
      await ask(1);
      return calls() === 3;
    });
    nowMs += 600;
    await ask(50);
    expect(calls()).toBe(3);
    // Without one in force, a reply fails at once instead of asking again.
    nowMs += 200_000;
    const refused = await Promise.allSettled([tokens.get(stage.account), tokens.get(stage.account)]);
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(tokens.get(stage.account)).rejects.toThrow('system busy');
    expect(calls()).toBe(4);
    nowMs += 5_100;
    fails = false;
    expect(await tokens.get(stage.account)).not.toBe(first);
  });

  test('waits for a database that does not answer; it is no failure of the reply', async () => {
    const stage = await setStage();
    const { tokens, calls } = processThatAsks(stage, async () => token('patient'));
    const blocker = await stage.database.pool.connect();
    await blocker.query('begin; lock table wechat.credential');
    const value = tokens.get(stage.account);
    await sleep(500);
    expect(calls()).toBe(0);
    await blocker.query('rollback');
    blocker.release();
    expect(await value).toBe('patient');
  });
});

describe('the access token', () => {
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
