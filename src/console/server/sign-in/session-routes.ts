import Router from '@koa/router';
import type Koa from 'koa';
import type { Config } from '../../../config/settings.js';
import type { Pool } from '../../../db/pool.js';
import { rights as allRights, may } from '../../contract/rights.js';
import type { SessionView } from '../../contract/session.js';
import type { Browser } from '../browser.js';
import { dropCookie, sessionCookie } from './cookies.js';
import type { Enter } from './entry.js';
import type { Session, Sessions } from './sessions.js';
import { csrfOf } from './tokens.js';
import { findUser } from './users.js';

export interface SessionRoutesDependencies {
  pool: Pool;
  config: Pick<Config, 'accounts' | 'console'>;
  sessions: Sessions;
  browser: Browser;
  enter: Enter;
  askForToken: Koa.Middleware;
  version: string;
}

/** Who is signed in, and out again. They are for everybody. */
export function createSessionRoutes(dependencies: SessionRoutesDependencies): Router {
  const { sessions, browser, askForToken } = dependencies;
  const router = new Router();

  router.get('/session', async (ctx) => {
    const session = ctx.state.session ?? (await enterByHeader(ctx, dependencies));
    ctx.body = await viewOf(session, dependencies);
  });

  router.post('/sign-out', askForToken, async (ctx) => {
    const session: Session | undefined = ctx.state.session;
    if (session) await sessions.end(session.token);
    dropCookie(ctx, sessionCookie, browser.isSecure(ctx));
    ctx.status = 204;
  });

  return router;
}

/** The page begins by asking who it is: a proxy that knows has nobody sign in. */
async function enterByHeader(
  ctx: Koa.Context,
  { pool, browser, enter, sessions }: SessionRoutesDependencies,
): Promise<Session | undefined> {
  const name = browser.userByHeader(ctx);
  const user = name === undefined ? undefined : await findUser(pool, name);
  if (!user || user.disabled) return undefined;
  return sessions.find(await enter(ctx, { name: user.name, via: 'header' }));
}

async function viewOf(
  session: Session | undefined,
  { pool, config, version }: SessionRoutesDependencies,
): Promise<SessionView> {
  const { oidc, trustedHeader } = config.console;
  const signIn = {
    password: session ? true : await hasPasswords(pool),
    oidc: oidc ? { title: new URL(oidc.issuer).host, path: 'oidc' } : null,
    header: trustedHeader !== undefined,
  };
  // Whoever is not signed in learns nothing of what runs here.
  if (!session) return { user: null, csrf: null, signIn, accounts: [], version: '' };
  const { name, displayName, role, via } = session;
  return {
    user: { name, displayName, role, via, rights: allRights.filter((right) => may(role, right)) },
    csrf: csrfOf(session.token),
    signIn,
    accounts: config.accounts.map((account) => ({ appId: account.appId, name: account.name ?? null })),
    version,
  };
}

/** Without any, the page tells of the link. */
async function hasPasswords(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ some: boolean }>(
    'select exists (select from wechat.console_user where password is not null and not disabled) as some',
  );
  return rows[0]?.some ?? false;
}
