import pg from 'pg';

export type Pool = pg.Pool;

export interface PoolOptions {
  connectionString: string;
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  /** A statement without an answer after this long fails, and its connection is dropped. */
  statementTimeoutMs: number;
  /**
   * Commits do not wait for the disk: for what may be lost when Postgres crashes, because nothing was promised or sent
   * on its strength. Default: they wait.
   */
  relaxed?: boolean;
  /** For people's questions, each of which the planner shall look at anew. Default: statements of the hot path. */
  adHoc?: boolean;
  /** Called when a connection breaks; the pool replaces it by itself. */
  onError(error: Error): void;
}

/**
 * What the hot path relies on, whatever the server or the role is set to: every statement finds its rows by a key. By
 * its statistics the planner may think a table that fills up fast to be small, and read all of it for a few rows; so
 * plans are made once, without looking at how many rows a call brings, and by index.
 *
 * For the same reason such statements join by `table.column = any(array[input.column])`. Joined by `=`, the table may also be
 * read from end to end in the order of the index, which looks cheap to a plan made on the day of the installation, and
 * is that plan's until the table is next analysed.
 */
const plansByKey = `set_config('enable_seqscan', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false)`;

/** "Acknowledged" means durable. Stricter settings stay as they are. */
const durable = `case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', false) end`;

const relaxedCommits = `set_config('synchronous_commit', 'off', false)`;

/** Connections kept open: a burst must not wait for TCP and authentication. */
export function createPool({
  connectionString,
  name,
  max,
  statementTimeoutMs,
  relaxed = false,
  adHoc = false,
  onError,
}: PoolOptions): Pool {
  const sessionSettings = [...(adHoc ? [] : [plansByKey]), relaxed ? relaxedCommits : durable];
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
      await client.query(`select ${sessionSettings.join(', ')}`);
    },
  });
  pool.on('error', onError);
  // A client in use that breaks tells its query as well; without a listener the error would end the process.
  pool.on('connect', (client) => client.on('error', onError));
  return pool;
}
