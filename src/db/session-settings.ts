import type { ClientBase } from 'pg';

/** Limits that Postgres itself keeps, in ms; 0 is none. */
export interface ServerLimits {
  /** A statement that takes longer is cancelled (57014). */
  statementMs: number;
  /** A statement that waits longer for a lock fails (55P03). */
  lockMs: number;
  /** A transaction in which nothing happens for longer is ended, and its locks with it. */
  idleInTransactionMs: number;
}

export interface SessionOptions {
  limits: ServerLimits;
  /** Commits do not wait for the disk. */
  relaxed?: boolean;
  /**
   * A statement is planned once, whatever its parameters, and the plan is kept; who sets this must see that it does not grow old
   * (plan-age.ts). Left to choose (`auto`), Postgres plans anew nearly each time where a statement is about few messages, for it
   * takes an array of unknown length for one of ten: that was a third of its work at 500 messages a second.
   */
  keepsPlans?: boolean;
}

/**
 * What our statements and our reading of their results rely on, whatever the server, the database or the role is set to.
 * Custom plans, where their age is not bounded: one that was kept since the tables were empty takes seconds when they are not.
 */
const fixed: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  search_path: 'pg_catalog, public',
  default_transaction_isolation: 'read committed',
  plan_cache_mode: 'force_custom_plan',
  // Our connections are kept for bursts; a limit of the role's would end them between two.
  idle_session_timeout: '0',
  transaction_timeout: '0',
  // Postgres notices within ten seconds that a client is gone without a word; its default is two hours.
  tcp_keepalives_idle: '4',
  tcp_keepalives_interval: '3',
  tcp_keepalives_count: '2',
};

/** The client's side of the same: silence of the server is looked into after so long. */
export const keepAliveInitialDelayMs = 4_000;

/** transaction_timeout came with 17. (pg_settings would tell, and costs each new connection milliseconds.) */
const applySql = `
  select set_config(wanted.name, wanted.value, false)
  from unnest($1::text[], $2::text[]) as wanted (name, value)
  where wanted.name <> 'transaction_timeout' or current_setting('server_version_num')::integer >= 170000
  union all
  select set_config('synchronous_commit', $3, false)
  where $3 = 'off' or current_setting('synchronous_commit') = 'off'`;

/**
 * Sets a new connection up. It is done by a statement, not by startup parameters: PgBouncer refuses these.
 *
 * "Acknowledged" means durable, so commits wait for the disk at least (stricter settings stay), unless `relaxed`.
 */
export async function applySession(
  client: Pick<ClientBase, 'query'>,
  { limits, relaxed = false, keepsPlans = false }: SessionOptions,
): Promise<void> {
  const wanted = {
    ...fixed,
    ...(keepsPlans ? { plan_cache_mode: 'force_generic_plan' } : {}),
    statement_timeout: String(limits.statementMs),
    lock_timeout: String(limits.lockMs),
    idle_in_transaction_session_timeout: String(limits.idleInTransactionMs),
  };
  const values = [Object.keys(wanted), Object.values(wanted), relaxed ? 'off' : 'on'];
  const withLimit = { text: applySql, values, query_timeout: setUpTimeoutMs };
  await client.query(withLimit);
}

const setUpTimeoutMs = 3_000;

/**
 * The server's limit to a statement for a client that waits `clientMs`: a little less, so that no backend goes on
 * working for a client that is gone.
 */
export function serverStatementMs(clientMs: number): number {
  return clientMs === 0 ? 0 : Math.max(1, clientMs - Math.min(1_000, Math.ceil(clientMs / 10)));
}
