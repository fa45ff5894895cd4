import { expect, test } from 'vitest';
import { call, get, sendPath, simulate, stablePath, textTo, tokenOf, tokenRequest } from './support.js';

const minute = 60_000;
const force = { ...tokenRequest, force_refresh: true };
const classicPath = '/cgi-bin/token?grant_type=client_credential&appid=wx1&secret=secret';

/** What a send with this token is answered; 45015 says that the token was good. */
async function tried(simulator: Awaited<ReturnType<typeof simulate>>, token: unknown): Promise<unknown> {
  return (await call(simulator, `${sendPath}?access_token=${token}`, textTo('o1', 'x'))).errcode;
}

test.each([
  ['no JSON', 'x', 47001],
  ['no grant type', { appid: 'wx1', secret: 'secret' }, 40002],
  ['no appid', { grant_type: 'client_credential' }, 41002],
  ['a foreign appid', { ...tokenRequest, appid: 'wx2' }, 40013],
  ['no secret', { grant_type: 'client_credential', appid: 'wx1' }, 41004],
  ['a wrong secret', { ...tokenRequest, secret: 'x' }, 40125],
])('a token call with %s is refused', async (_name, body, errcode) => {
  const simulator = await simulate();
  expect(await call(simulator, stablePath, body)).toEqual({
    errcode,
    errmsg: expect.stringContaining('rid: '),
  });
  expect(simulator.tokens.issued).toBe(0);
});

test('in the last five minutes of a stable token old and new are valid for five more', async () => {
  let now = 1_700_000_000_000;
  const simulator = await simulate({ clock: () => now });
  const old = await tokenOf(simulator);
  now += 7_200_000 - minute;
  const fresh = await tokenOf(simulator);
  expect(fresh).not.toBe(old);
  expect(await tokenOf(simulator)).toBe(fresh);
  now += 5 * minute - 1;
  expect([await tried(simulator, old), await tried(simulator, fresh)]).toEqual([45015, 45015]);
  now += 1;
  expect([await tried(simulator, old), await tried(simulator, fresh)]).toEqual([42001, 45015]);
});

test('a forced token kills the one before at once', async () => {
  const simulator = await simulate();
  const old = await tokenOf(simulator);
  const { access_token: fresh } = await call(simulator, stablePath, force);
  expect([await tried(simulator, old), await tried(simulator, fresh)]).toEqual([40001, 45015]);
  expect(simulator.tokens.forcedRefreshes).toBe(1);
  expect(simulator.tokens.current('wx1')).toBe(fresh);
});

test('force is to be had every 30 s and 20 times between two midnights in Shanghai', async () => {
  let now = Date.parse('2026-03-01T10:00:00+08:00');
  const simulator = await simulate({ clock: () => now });
  for (let index = 0; index < 20; index += 1) {
    expect(await call(simulator, stablePath, force)).toHaveProperty('access_token');
    now += 29_999;
    expect(await call(simulator, stablePath, force)).toMatchObject({ errcode: 45011 });
    now += 1;
  }
  expect(await call(simulator, stablePath, force)).toMatchObject({ errcode: 45009 });
  now = Date.parse('2026-03-01T23:59:59+08:00');
  expect(await call(simulator, stablePath, force)).toMatchObject({ errcode: 45009 });
  now = Date.parse('2026-03-02T00:00:00+08:00');
  expect(await call(simulator, stablePath, force)).toHaveProperty('access_token');
});

test('the classic token is replaced by each call, and is separate from the stable one', async () => {
  let now = 1_700_000_000_000;
  const simulator = await simulate({ clock: () => now });
  const stable = await tokenOf(simulator);
  const { access_token: first, expires_in } = await get(simulator, classicPath);
  const { access_token: second } = await get(simulator, classicPath);
  expect(expires_in).toBe(7_200);
  expect(new Set([stable, first, second]).size).toBe(3);
  expect(await tokenOf(simulator)).toBe(stable);
  expect(await tried(simulator, first)).toBe(45015);
  now += 5 * minute;
  expect(await tried(simulator, first)).toBe(42001);
  await call(simulator, stablePath, force);
  expect([await tried(simulator, stable), await tried(simulator, second)]).toEqual([40001, 45015]);
});

test('a lifetime of seconds still gives one token to all', async () => {
  const simulator = await simulate({ tokenLifetimeSeconds: 60 });
  expect(await tokenOf(simulator)).toBe(await tokenOf(simulator));
  expect(simulator.tokens.issued).toBe(1);
});

test('a token made invalid is refused, and the next call gives another', async () => {
  const simulator = await simulate();
  const old = await tokenOf(simulator);
  simulator.tokens.expire('wx1');
  expect(simulator.tokens.current('wx1')).toBeUndefined();
  expect(await tried(simulator, old)).toBe(40001);
  expect(await tokenOf(simulator)).not.toBe(old);
});

test('the quota is cleared for who has a token and names the account', async () => {
  const simulator = await simulate();
  const path = `/cgi-bin/clear_quota?access_token=${await tokenOf(simulator)}`;
  expect(await call(simulator, path, { appid: 'wx1' })).toEqual({ errcode: 0, errmsg: 'ok' });
  expect(await call(simulator, path, { appid: 'wx2' })).toMatchObject({ errcode: 40013 });
  expect(await call(simulator, '/cgi-bin/clear_quota', { appid: 'wx1' })).toMatchObject({ errcode: 41001 });
});
