import Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import { createSlots } from '../../../lib/slots.js';
import type { Logger } from '../../../observe/log.js';
import type { SignInRequest } from '../../contract/session.js';
import type { Browser } from '../browser.js';
import { readBody } from '../http/input.js';
import { smallBody } from '../http/json-body.js';
import { Refusal } from '../http/refusal.js';
import { type Attempts, byAddress, byDevice, byName } from './attempts.js';
import { deviceCookie, setCookie } from './cookies.js';
import { deviceOf, newDevice } from './device.js';
import type { Enter } from './entry.js';
import { hashPassword, isOutdated, isPassword } from './password.js';
import { findUser } from './users.js';

export interface PasswordRoutesDependencies {
  pool: Pool;
  attempts: Attempts;
  browser: Browser;
  enter: Enter;
  log: Logger;
}

const signInRequest: z.ZodType<SignInRequest> = z.strictObject({
  name: z.string().max(200),
  password: z.string().max(1_000),
});

/** Each looks at a password for some tenths of a second, on a core that messages want too. */
const atOnce = 2;
const patienceMs = 5_000;
const deviceSeconds = 180 * 24 * 3_600;

/** Sign-in by name and password. */
export function createPasswordRoutes(dependencies: PasswordRoutesDependencies): Router {
  const { pool, attempts, browser, enter, log } = dependencies;
  const slots = createSlots(atOnce);

  /** Waits for its turn before anything is counted: who waits in vain has not failed. */
  async function inTurn(ctx: Koa.Context): Promise<void> {
    const request = readBody(ctx, signInRequest);
    if ((await slots.acquireSome(1, { patienceMs })) === 0) throw tooMany(patienceMs / 1_000);
    try {
      await signIn(ctx, request);
    } finally {
      slots.release();
    }
  }

  async function signIn(ctx: Koa.Context, { name, password }: SignInRequest): Promise<void> {
    const user = await findUser(pool, name);
    const address = browser.address(ctx);
    const nonce = deviceOf(ctx.cookies.get(deviceCookie), name, user?.password);
    const keys = nonce ? [byDevice(name, nonce)] : [byName(name, address), byAddress(address)];
    const attempt = await attempts.begin(keys);
    if (attempt.kind === 'wait') throw tooMany(attempt.retryAfterSeconds);

    const record = user && !user.disabled ? user.password : null;
    if (!(await isPassword(password, record)) || !user || record === null) {
      // What was typed for a name may be a password.
      log.warn({ event: 'sign_in_refused', user: user?.name, via: 'password', address }, 'sign-in refused');
      throw new Refusal(401, 'wrong', say('Name or password is wrong', '用户名或密码不对'));
    }
    await attempt.succeeded();
    const kept = isOutdated(record) ? await renew(user.name, record, password) : record;
    await enter(ctx, { name: user.name, via: 'password' });
    const secure = browser.isSecure(ctx);
    setCookie(ctx, deviceCookie, newDevice(user.name, kept), { maxAgeSeconds: deviceSeconds, secure });
    ctx.status = 204;
  }

  /** Now that it is known, with today's strength. */
  async function renew(name: string, before: string, password: string): Promise<string> {
    const record = await hashPassword(password);
    await pool.query('update wechat.console_user set password = $3 where name = $1 and password = $2', [
      name,
      before,
      record,
    ]);
    return record;
  }

  return new Router().post('/sign-in', smallBody, inTurn);
}

function tooMany(retryAfterSeconds: number): Refusal {
  return new Refusal(
    429,
    'too_many',
    say(
      `Too many wrong tries: try again in ${retryAfterSeconds} s`,
      `失败次数太多，请 ${retryAfterSeconds} 秒后再试`,
    ),
    { retryAfterSeconds },
  );
}
