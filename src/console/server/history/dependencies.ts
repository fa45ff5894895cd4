import type { Pool } from '../../../db/pool.js';
import type { Logger } from '../../../observe/log.js';
import type { Requires } from '../http/person.js';

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
  stopping: AbortSignal;
}
