import pg from 'pg';
import { clientConfigOf } from './database-url.js';
import { limitPlanAge } from './plan-age.js';
import { applySession, keepAliveInitialDelayMs, serverStatementMs } from './session-settings.js';

export type Pool = pg.Pool;

export interface PoolOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  /**
   * A statement without an answer after this long fails, and its connection is dropped; 0: it may take any time.
   * Postgres ends the statement a little earlier, so that nothing of it is left behind.
   */
  statementTimeoutMs: number;
  /** A statement that waits longer for a lock fails, and others go on; default 0: as long as it may take. */
  lockTimeoutMs?: number;
  /** A transaction in which nothing happens for so long is ended by Postgres; default 0: never. */
  idleInTransactionMs?: number;
  /**
   * Commits do not wait for the disk: for what may be lost when Postgres crashes, because nothing was promised or sent
   * on its strength. Default: they wait.
   */
  relaxed?: boolean;
  /** For so long Postgres may keep the plans of its statements; default 0: it plans each execution anew. */
  planAgeMs?: number;
  /** Called when a connection breaks; the pool replaces it by itself. */
  onError(error: Error): void;
}

/** How long a statement waits for a connection, new or used. */
export const connectTimeoutMs = 3_000;

/** Connections kept open: a burst must not wait for TCP and authentication. */
export function createPool({
  connectionString,
  name,
  max,
  statementTimeoutMs,
  lockTimeoutMs = 0,
  idleInTransactionMs = 0,
  relaxed = false,
  planAgeMs = 0,
  onError,
}: PoolOptions): Pool {
  const limits = {
    statementMs: serverStatementMs(statementTimeoutMs),
    lockMs: lockTimeoutMs,
    idleInTransactionMs,
  };
  const pool = new pg.Pool({
    ...clientConfigOf(connectionString),
    application_name: `wechat-outbox ${name}`,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 60_000,
    query_timeout: statementTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveInitialDelayMs,
    // Awaited before anyone gets the connection.
    onConnect: (client) => applySession(client, { limits, relaxed, keepsPlans: planAgeMs > 0 }),
  });
  if (planAgeMs > 0) limitPlanAge(pool, planAgeMs);
  pool.on('error', onError);
  // A client in use that breaks tells its query as well; without a listener the error would end the process.
  pool.on('connect', (client) => client.on('error', onError));
  return pool;
}
