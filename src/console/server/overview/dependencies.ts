import type { AccessTokens } from '../../../accounts/access-token.js';
import type { AccountConfig } from '../../../config/account.js';
import type { Pool } from '../../../db/pool.js';
import type { Language } from '../../../lib/language.js';
import type { Logger } from '../../../observe/log.js';
import type { WeChatClient } from '../../../wechat/out/client.js';
import type { AccountCheck } from '../../contract/overview.js';
import type { Requires } from '../http/person.js';

export interface OverviewDependencies {
  /** With a limit for statements. */
  pool: Pool;
  requires: Requires;
  log: Pick<Logger, 'error' | 'warn'>;
  accounts: readonly AccountConfig[];
  clientOf(appId: string): Pick<WeChatClient, 'fetchQuota'>;
  tokens: Pick<AccessTokens, 'get' | 'replace'>;
  /** What the doctor finds of an account. */
  checkAccount(account: AccountConfig, language: Language): Promise<AccountCheck['findings']>;
  /** Whether the session of a stream still is, and may see it; asked with every sign of life. Default: it may. */
  stillMay?: ((ctx: { state: object }) => Promise<boolean>) | undefined;
  /** When the process ends: open streams end. */
  stopping: AbortSignal;
  /** Between two looks for the streams, and between two signs of life on a silent one; for tests. */
  pollMs?: number;
  heartbeatMs?: number;
}
