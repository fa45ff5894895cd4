import { describe, expect, test } from 'vitest';
import { setStage } from '../support/stage.js';
import { tokenCalls, tokensOfAnotherProcess } from '../support/tokens.js';

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
