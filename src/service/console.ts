import type Koa from 'koa';
import type { AccessTokens } from '../accounts/access-token.js';
import type { Config } from '../config/settings.js';
import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';
import type { SendClients } from '../sending/clients.js';
import type { Pools } from './pools.js';

/** What the console in the browser is given of the process that serves it. */
export interface ConsoleParts {
  config: Config;
  /** The console's own connections; where it has none, those of the admin port. */
  pool: Pool;
  clients: SendClients;
  /** Access tokens, as the admin port has them. */
  tokens: AccessTokens;
  log: Logger;
  /** Pushes for an account that this process refused since it started. */
  refusedPushes(appId: string): Promise<number>;
  clock: () => Date;
}

export interface ServedConsole {
  /** For the admin port; lets pass what is not below the console's path. */
  middleware: Koa.Middleware;
  /** Called once the database is migrated. */
  started(adminPort: number): Promise<void>;
  /** Ends what would keep the port open. */
  stop(): Promise<void>;
}

/** The console stands on a floor above, so it is handed in. */
export type ConsoleFactory = (parts: ConsoleParts) => ServedConsole;

/** A process with few connections has none for the console alone. */
export function openConsolePool(pools: Pick<Pools, 'open' | 'sizeOf'>): Pool {
  return pools.open(pools.sizeOf('console') > 0 ? 'console' : 'admin');
}
