import type Koa from 'koa';
import type { Logger } from '../../../observe/log.js';
import type { Browser } from '../browser.js';
import { sessionCookie, setCookie } from './cookies.js';
import type { Session, SessionLimits, Sessions, Via } from './sessions.js';

/** Signs a browser in, whichever way it came. */
export type Enter = (ctx: Koa.Context, who: { name: string; via: Via }) => Promise<string>;

/** Each sign-in is a new session with a token of its own: one that was put into the browser before is worth nothing. */
export function createEnter({
  sessions,
  browser,
  limits,
  log,
}: {
  sessions: Sessions;
  browser: Browser;
  limits: SessionLimits;
  log: Logger;
}): Enter {
  return async (ctx, { name, via }) => {
    const before: Session | undefined = ctx.state.session;
    if (before) await sessions.end(before.token);
    const address = browser.address(ctx);
    const token = await sessions.begin({ name, via, address });
    setCookie(ctx, sessionCookie, token, {
      maxAgeSeconds: limits.longestSeconds,
      secure: browser.isSecure(ctx),
    });
    log.info({ event: 'signed_in', user: name, via, address }, 'signed in to the console');
    return token;
  };
}
