import Router from '@koa/router';
import { addBulk } from './bulk-routes.js';
import type { HistoryDependencies } from './dependencies.js';
import { addLists } from './lists.js';
import { addMessage } from './message.js';
import { addWhy } from './why-route.js';

export type { HistoryDependencies } from './dependencies.js';

/** Paths are relative to /api. */
export function createHistoryRoutes(dependencies: HistoryDependencies): Router {
  const router = new Router();
  addLists(router, dependencies);
  addMessage(router, dependencies);
  addWhy(router, dependencies);
  addBulk(router, dependencies);
  return router;
}
