import type Router from '@koa/router';
import type Koa from 'koa';
import { consoleAddress } from '../../config/console.js';
import type { ConsoleParts, ServedConsole } from '../../service/console.js';
import type { Area } from './area.js';
import { createBrowser } from './browser.js';
import { securityHeaders } from './headers.js';
import { jsonBody } from './http/json-body.js';
import { answerRefusals, notFound } from './http/refusal.js';
import { createPageFiles } from './page-files.js';
import { createAttempts } from './sign-in/attempts.js';
import { createEnter } from './sign-in/entry.js';
import { createGuard } from './sign-in/guard.js';
import { createLinkRoutes } from './sign-in/link-routes.js';
import { printFirstLink } from './sign-in/links.js';
import { createOidc } from './sign-in/oidc.js';
import { createOidcRoutes } from './sign-in/oidc-routes.js';
import { createPasswordRoutes } from './sign-in/password-routes.js';
import { requires, routesWithoutRight, signedOut } from './sign-in/requires.js';
import { createSessionRoutes } from './sign-in/session-routes.js';
import { createSessions, sessionLimits } from './sign-in/sessions.js';
import { createUserRoutes } from './sign-in/user-routes.js';

export interface ConsoleOptions {
  /** Where the console stands on the admin port: `/console`. */
  path: string;
  /** Where the page was built to. */
  webDirectory: string;
  version: string;
  areas: readonly Area[];
}

/**
 * The console: the page's files, who asks, and behind that the areas. Every route of an area asks for a right.
 *
 * @throws Error for a route that does not
 */
export function createConsole(parts: ConsoleParts, options: ConsoleOptions): ServedConsole {
  const stopping = new AbortController();
  const api = createApi(parts, options, stopping.signal);
  const page = createPageFiles(options.webDirectory);
  const below: Koa.Middleware = (ctx, next) =>
    /^\/api(\/|$)/.test(ctx.path) ? api(ctx, next) : page(ctx, next);
  return {
    middleware: mount(options.path, inOrder([securityHeaders, below])),
    async started(adminPort) {
      const { console, adminHost } = parts.config;
      const base = consoleAddress({ url: console.url, path: options.path, host: adminHost, port: adminPort });
      await printFirstLink(parts, base).catch((error: unknown) =>
        parts.log.warn({ event: 'console_failed', err: error }, 'no link to the console could be made'),
      );
    },
    async stop() {
      stopping.abort();
    },
  };
}

function createApi(parts: ConsoleParts, options: ConsoleOptions, stopping: AbortSignal): Koa.Middleware {
  const { pool, config, log } = parts;
  const browser = createBrowser(config.console);
  const sessions = createSessions(pool, sessionLimits);
  const guard = createGuard({ sessions, browser });
  const enter = createEnter({ sessions, browser, limits: sessionLimits, log });
  const shared = { pool, browser, enter, log };
  const { oidc: settings } = config.console;
  const forAll = [
    createSessionRoutes({
      ...{ ...shared, config, sessions, version: options.version },
      askForToken: guard.askForToken,
    }),
    createPasswordRoutes({ ...shared, attempts: createAttempts(pool), askForToken: guard.askForToken }),
    createLinkRoutes(shared),
    ...(settings
      ? [createOidcRoutes({ ...shared, settings, oidc: createOidc(settings, config.proxies) })]
      : []),
  ];
  const dependencies = { ...parts, requires, stillMay: guard.stillMay, stopping };
  const forSome = [createUserRoutes, ...options.areas].map((area) => area(dependencies));
  const open = forSome.flatMap(routesWithoutRight);
  if (open.length > 0) throw new Error(`Routes of the console that ask for no right: ${open.join(', ')}`);

  return mount(
    '/api',
    inOrder([
      noStore,
      answerRefusals(log),
      guard.recognise,
      ...forAll.map(routesOf),
      guard.askForToken,
      onlySignedIn,
      jsonBody,
      ...forSome.map(routesOf),
      () => {
        throw notFound();
      },
    ]),
  );
}

const routesOf = (router: Router): Koa.Middleware => router.routes() as unknown as Koa.Middleware;

/** A route that has something to keep says so itself. */
const noStore: Koa.Middleware = (ctx, next) => {
  ctx.set('cache-control', 'no-store');
  return next();
};

const onlySignedIn: Koa.Middleware = (ctx, next) => {
  if (!ctx.state.user) throw signedOut();
  return next();
};

/** Calls one after the other, each with the next as its `next`. */
function inOrder(all: readonly Koa.Middleware[]): Koa.Middleware {
  return (ctx, next) => {
    const run = async (index: number): Promise<unknown> => {
      const one = all[index];
      return one ? one(ctx, () => run(index + 1)) : next();
    };
    return run(0);
  };
}

/** Lets a middleware see the path below `prefix`; what is not below it passes by. */
function mount(prefix: string, inner: Koa.Middleware): Koa.Middleware {
  return async (ctx, next) => {
    const { path } = ctx;
    if (path !== prefix && !path.startsWith(`${prefix}/`)) return next();
    if (path === prefix && prefix !== '/api') return addSlash(ctx);
    ctx.path = path.slice(prefix.length) || '/';
    try {
      await inner(ctx, next);
    } finally {
      ctx.path = path;
    }
  };
}

/** Relative, as a proxy may have put a path before it. */
function addSlash(ctx: Koa.Context): void {
  ctx.status = 302;
  ctx.set('location', `${ctx.path.slice(ctx.path.lastIndexOf('/') + 1)}/${ctx.search}`);
}
