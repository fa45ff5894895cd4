import Router from '@koa/router';
import type { Pool } from '../../../db/pool.js';
import type { Logger } from '../../../observe/log.js';
import type { Requires } from '../http/person.js';
import { answerRefusals } from '../http/refusal.js';
import { addBulk } from './bulk-routes.js';
import { addLists } from './lists.js';
import { addMessage } from './message.js';
import { addWhy } from './why-route.js';

export interface HistoryDependencies {
  /** With a limit for statements: a question that asks for too much ends as 503. */
  pool: Pool;
  requires: Requires;
  log: Pick<Logger, 'error' | 'info'>;
  /** AppIDs of the settings. */
  accounts: readonly string[];
  /** Pushes for an account that this process refused since it started; absent where it takes none. */
  refusedPushes?: ((appId: string) => Promise<number>) | undefined;
  /** When the process ends: what is under way ends at its next step. */
  signal: AbortSignal;
}

/** Paths are relative to /api. */
export function createHistoryRoutes(dependencies: HistoryDependencies): Router {
  const router = new Router();
  router.use(answerRefusals(dependencies.log));
  addLists(router, dependencies);
  addMessage(router, dependencies);
  addWhy(router, dependencies);
  addBulk(router, dependencies);
  return router;
}
