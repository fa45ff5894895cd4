import type Koa from 'koa';
import { say } from '../../../lib/language.js';
import { may, type Right } from '../../contract/rights.js';
import type { StillMay } from '../area.js';
import type { Browser } from '../browser.js';
import { Refusal } from '../http/refusal.js';
import { sessionCookie } from './cookies.js';
import type { Session, Sessions } from './sessions.js';
import { csrfOf, isSame } from './tokens.js';

export interface Guard {
  /** Finds the session, for `ctx.state.user` and `ctx.state.session`; refuses what another site's page sent. */
  recognise: Koa.Middleware;
  /** Lets nothing be changed without the session's CSRF token. */
  askForToken: Koa.Middleware;
  stillMay: StillMay;
}

const harmless = new Set(['GET', 'HEAD', 'OPTIONS']);

export function createGuard({ sessions, browser }: { sessions: Sessions; browser: Browser }): Guard {
  async function sessionOf(ctx: Koa.Context): Promise<Session | undefined> {
    const token = ctx.cookies.get(sessionCookie);
    const session = token ? await sessions.find(token) : undefined;
    // It is the proxy that says who it is, each time anew.
    if (session?.via === 'header' && browser.userByHeader(ctx) !== session.name) return undefined;
    return session;
  }

  return {
    async recognise(ctx, next) {
      if (!harmless.has(ctx.method) && !browser.isOwnPage(ctx))
        throw new Refusal(
          403,
          'other_origin',
          say(
            'This comes from another page than the console; behind a proxy CONSOLE_URL must say where the console is',
            '请求不是来自控制台页面；有代理时请用 CONSOLE_URL 指明控制台的网址',
          ),
        );
      const session = await sessionOf(ctx);
      ctx.state.session = session;
      ctx.state.user = session && {
        name: session.name,
        displayName: session.displayName,
        role: session.role,
      };
      return next();
    },
    askForToken(ctx, next) {
      const session: Session | undefined = ctx.state.session;
      if (session && !harmless.has(ctx.method) && !isSame(ctx.get('x-csrf-token'), csrfOf(session.token)))
        throw new Refusal(
          403,
          'csrf',
          say('The page is out of date: load it again', '页面已过期，请重新加载'),
        );
      return next();
    },
    async stillMay({ state }) {
      const { session, right } = state as { session?: Session; right?: Right };
      if (!session || !right) return false;
      const now = await sessions.find(session.token);
      return now !== undefined && may(now.role, right);
    },
  };
}
