import pg from 'pg';

export type Pool = pg.Pool;

export interface PoolOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  /** A statement without an answer after this long fails, and its connection is dropped. */
  statementTimeoutMs: number;
  /** Called when a connection breaks; the pool replaces it by itself. */
  onError(error: Error): void;
}

/** "Acknowledged" means durable, whatever the server or the role is set to; stricter settings stay as they are. */
const durableCommits = `
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;

/** Connections kept open: a burst must not wait for TCP and authentication. */
export function createPool({ connectionString, name, max, statementTimeoutMs, onError }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: `wechat-outbox ${name}`,
    max,
    connectionTimeoutMillis: 3_000,
    idleTimeoutMillis: 60_000,
    query_timeout: statementTimeoutMs,
    keepAlive: true,
    // Awaited before anyone gets the connection.
    onConnect: async (client) => {
      await client.query(durableCommits);
    },
  });
  pool.on('error', onError);
  // A client in use that breaks tells its query as well; without a listener the error would end the process.
  pool.on('connect', (client) => client.on('error', onError));
  return pool;
}
