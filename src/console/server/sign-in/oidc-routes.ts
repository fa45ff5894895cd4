import Router from '@koa/router';
import { z } from 'zod';
import type { OidcConfig } from '../../../config/console.js';
import type { Pool } from '../../../db/pool.js';
import type { Logger } from '../../../observe/log.js';
import type { SignInProblem } from '../../contract/session.js';
import type { Browser } from '../browser.js';
import { asPerson } from '../http/transaction.js';
import { dropCookie, oidcCookie, setCookie } from './cookies.js';
import type { Enter } from './entry.js';
import type { Identified, Journey, Oidc } from './oidc.js';
import { oidcUser } from './oidc-user.js';

export interface OidcRoutesDependencies {
  pool: Pool;
  oidc: Oidc;
  settings: OidcConfig;
  browser: Browser;
  enter: Enter;
  log: Logger;
}

const journeySchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string() });
const journeySeconds = 600;

/** Sign-in at an issuer of OpenID Connect. Both are opened by the browser itself, so refusals lead to the page, which tells them. */
export function createOidcRoutes(dependencies: OidcRoutesDependencies): Router {
  const { pool, oidc, settings, browser, enter, log } = dependencies;
  const router = new Router();

  const toSignIn = (problem: SignInProblem) => `../#/sign-in?problem=${problem}`;

  async function identify(search: string, journey: Journey | undefined): Promise<Identified | undefined> {
    try {
      return journey && (await oidc.finish(search, journey));
    } catch (error) {
      log.warn({ event: 'oidc_failed', err: error }, 'sign-in by OpenID Connect failed');
      return undefined;
    }
  }

  router.get('/oidc', async (ctx) => {
    ctx.status = 302;
    try {
      const { url, journey } = await oidc.begin();
      const value = Buffer.from(JSON.stringify(journey)).toString('base64url');
      setCookie(ctx, oidcCookie, value, { maxAgeSeconds: journeySeconds, secure: browser.isSecure(ctx) });
      ctx.set('location', url);
    } catch (error) {
      log.error({ event: 'oidc_failed', err: error }, 'the issuer of OpenID Connect does not answer');
      ctx.set('location', toSignIn('issuer_away'));
    }
  });

  router.get('/oidc-callback', async (ctx) => {
    const journey = readJourney(ctx.cookies.get(oidcCookie));
    dropCookie(ctx, oidcCookie, browser.isSecure(ctx));
    ctx.status = 303;
    const who = await identify(ctx.search, journey);
    if (!who) return ctx.set('location', toSignIn('failed'));
    const user = await asPerson(pool, who.name, (client) => oidcUser(client, who, settings));
    if (user.kind === 'refused') {
      const address = browser.address(ctx);
      log.warn(
        { event: 'sign_in_refused', user: who.name, via: 'oidc', address, why: user.why },
        'sign-in refused',
      );
      return ctx.set('location', toSignIn(user.why));
    }
    await enter(ctx, { name: user.name, via: 'oidc' });
    ctx.set('location', '../');
  });

  return router;
}

function readJourney(cookie: string | undefined): Journey | undefined {
  try {
    return journeySchema.parse(JSON.parse(Buffer.from(cookie ?? '', 'base64url').toString()));
  } catch {
    return undefined;
  }
}
