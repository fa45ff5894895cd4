import Router from '@koa/router';
import type { AccessTokens } from '../../../accounts/access-token.js';
import type { AccountConfig } from '../../../config/account.js';
import type { Pool } from '../../../db/pool.js';
import type { Language } from '../../../lib/language.js';
import type { Logger } from '../../../observe/log.js';
import type { WeChatClient } from '../../../wechat/out/client.js';
import type { AccountCheck } from '../../contract/overview.js';
import type { Requires } from '../http/person.js';
import { answerRefusals } from '../http/refusal.js';
import { addAccounts } from './accounts.js';
import { addActions } from './actions.js';
import { addAnalytics } from './analytics-routes.js';
import { addLive } from './live.js';

export interface OverviewDependencies {
  /** With a limit for statements. */
  pool: Pool;
  requires: Requires;
  log: Pick<Logger, 'error' | 'warn'>;
  accounts: readonly AccountConfig[];
  client: Pick<WeChatClient, 'fetchQuota'>;
  tokens: Pick<AccessTokens, 'get' | 'replace'>;
  /** What the doctor finds of an account. */
  checkAccount(account: AccountConfig, language: Language): Promise<AccountCheck['findings']>;
  /** When the process ends: open streams end. */
  signal: AbortSignal;
  /** Between two looks for the streams, and between two signs of life on a silent one; for tests. */
  pollMs?: number;
  heartbeatMs?: number;
}

/** Paths are relative to /api. */
export function createOverviewRoutes(dependencies: OverviewDependencies): Router {
  const router = new Router();
  router.use(answerRefusals(dependencies.log));
  addLive(router, dependencies);
  addAccounts(router, dependencies);
  addAnalytics(router, dependencies);
  addActions(router, dependencies);
  return router;
}
