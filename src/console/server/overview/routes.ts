import Router from '@koa/router';
import { addAccounts } from './accounts.js';
import { addActions } from './actions.js';
import { addAnalytics } from './analytics-routes.js';
import type { OverviewDependencies } from './dependencies.js';
import { addLive } from './live.js';

export type { OverviewDependencies } from './dependencies.js';

/** Paths are relative to /api. */
export function createOverviewRoutes(dependencies: OverviewDependencies): Router {
  const router = new Router();
  addLive(router, dependencies);
  addAccounts(router, dependencies);
  addAnalytics(router, dependencies);
  addActions(router, dependencies);
  return router;
}
