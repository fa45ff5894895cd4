import Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import { say } from '../../../lib/language.js';
import type { OwnPassword, SignInRequest } from '../../contract/session.js';
import { readBody } from '../http/input.js';
import { smallBody } from '../http/json-body.js';
import { Refusal } from '../http/refusal.js';
import { asPerson } from '../http/transaction.js';
import { deviceCookie, setCookie } from './cookies.js';
import { newDevice } from './device.js';
import type { Enter } from './entry.js';
import { createPasswordCheck, type PasswordCheckDependencies } from './password-check.js';
import { signedOut } from './requires.js';
import type { Session } from './sessions.js';
import { changeUser, findUser, password as newPassword } from './users.js';

export interface PasswordRoutesDependencies extends PasswordCheckDependencies {
  enter: Enter;
  askForToken: Koa.Middleware;
}

const old = z.string().max(1_000);
const signInRequest: z.ZodType<SignInRequest> = z.strictObject({ name: z.string().max(200), password: old });
const ownPassword: z.ZodType<OwnPassword> = z.strictObject({ old, password: newPassword });

const deviceSeconds = 180 * 24 * 3_600;

/** Sign-in by name and password, and a new password for oneself. */
export function createPasswordRoutes(dependencies: PasswordRoutesDependencies): Router {
  const { pool, browser, enter, askForToken } = dependencies;
  const check = createPasswordCheck(dependencies);

  async function signIn(ctx: Koa.Context): Promise<void> {
    const known = await check(ctx, readBody(ctx, signInRequest));
    if (!known) throw new Refusal(401, 'wrong', say('Name or password is wrong', '用户名或密码不对'));
    await enter(ctx, { name: known.name, via: 'password' });
    remember(ctx, known.name, known.record);
    ctx.status = 204;
  }

  /** All sessions of the name end, and this browser gets one anew. */
  async function change(ctx: Koa.Context): Promise<void> {
    const session: Session | undefined = ctx.state.session;
    if (!session) throw signedOut();
    const { old, password } = readBody(ctx, ownPassword);
    const { name, via } = session;
    if (via === 'link' || !(await findUser(pool, name))?.password)
      throw new Refusal(409, 'no_password', say('You sign in without a password', '你不是用密码登录的'));
    // No 401: whoever mistypes stays signed in.
    if (!(await check(ctx, { name, password: old })))
      throw new Refusal(403, 'wrong', say('The old password is wrong', '原密码不对'));
    const done = await asPerson(pool, name, (client) => changeUser(client, name, { password }));
    if (done !== 'done') throw signedOut();
    await enter(ctx, { name, via });
    remember(ctx, name, (await findUser(pool, name))?.password ?? '');
    ctx.status = 204;
  }

  function remember(ctx: Koa.Context, name: string, record: string): void {
    const secure = browser.isSecure(ctx);
    setCookie(ctx, deviceCookie, newDevice(name, record), { maxAgeSeconds: deviceSeconds, secure });
  }

  return new Router().post('/sign-in', smallBody, signIn).post('/password', askForToken, smallBody, change);
}
