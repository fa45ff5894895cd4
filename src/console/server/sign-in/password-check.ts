import type Koa from 'koa';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import { createSlots } from '../../../lib/slots.js';
import type { Logger } from '../../../observe/log.js';
import type { Browser } from '../browser.js';
import { Refusal } from '../http/refusal.js';
import { type Attempts, byAddress, byDevice, byName } from './attempts.js';
import { deviceCookie } from './cookies.js';
import { deviceOf } from './device.js';
import { hashPassword, isOutdated, isPassword } from './password.js';
import { findUser } from './users.js';

export interface PasswordCheckDependencies {
  pool: Pool;
  attempts: Attempts;
  browser: Browser;
  log: Logger;
}

/**
 * Whether it is this user's password, who may sign in.
 *
 * @returns what the database has of it; undefined: it is not
 * @throws Refusal for whoever tried too often
 */
export type PasswordCheck = (
  ctx: Koa.Context,
  given: { name: string; password: string },
) => Promise<{ name: string; record: string } | undefined>;

/** Each looks at a password for some tenths of a second, on a core that messages want too. */
const atOnce = 2;
const patienceMs = 5_000;

export function createPasswordCheck({
  pool,
  attempts,
  browser,
  log,
}: PasswordCheckDependencies): PasswordCheck {
  const slots = createSlots(atOnce);

  const check: PasswordCheck = async (ctx, { name, password }) => {
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
      return undefined;
    }
    await attempt.succeeded();
    return {
      name: user.name,
      record: isOutdated(record) ? await renew(user.name, record, password) : record,
    };
  };

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

  /** Waits for its turn before anything is counted: who waits in vain has not failed. */
  return async (ctx, given) => {
    if ((await slots.acquireSome(1, { patienceMs })) === 0) throw tooMany(patienceMs / 1_000);
    try {
      return await check(ctx, given);
    } finally {
      slots.release();
    }
  };
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
