import pg from 'pg';
import { LeaderClient } from './client.js';
import { clientConfigOf } from './database-url.js';
import { ReadOnlyServerError } from './errors.js';
import { limitPlanAge } from './plan-age.js';
import { createServers, requireWrites, type Servers } from './servers.js';
import { applySession, keepAliveInitialDelayMs, serverStatementMs } from './session-settings.js';
import { type NewTimeline, noteTimelineOnce } from './timeline.js';

export type Pool = pg.Pool;

export interface PoolOptions {
  connectionString: string;
  /** Shared by all pools of a process; default: those of the connection string, for this pool alone. */
  servers?: Servers;
  /**
   * A connection to a server that takes no writes is not kept: another may be to one that does; and the timeline is noted before
   * anything is written. Default: it may be read from.
   */
  writes?: boolean;
  /** Told of another timeline than before, by the one connection that noted it. */
  onTimeline?: (found: NewTimeline) => void;
  /** Shown in pg_stat_activity. */
  name: string;
  /** Who acts by it (wechat.operator, for wechat.operator_action); default: nobody is named. */
  operator?: string;
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
  servers = createServers(connectionString),
  writes = false,
  onTimeline,
  name,
  operator,
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
  const pool: Pool = new pg.Pool({
    Client: leaderClients(servers),
    ...clientConfigOf(connectionString),
    application_name: `wechat-outbox ${name}`,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 60_000,
    query_timeout: statementTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveInitialDelayMs,
    // Awaited before anyone gets the connection.
    async onConnect(client) {
      await applySession(client, { limits, relaxed, keepsPlans: planAgeMs > 0 });
      if (operator !== undefined)
        await client.query(`select set_config('wechat.operator', $1, false)`, [operator]);
      if (!writes) return;
      const life = await requireWrites(client, servers);
      // In a failover under running processes the pools come first, and what they write would look like a sign of before.
      const found = await noteTimelineOnce(client, life, servers.notedLives);
      if (found) onTimeline?.(found);
    },
  });
  followLeader(pool, servers);
  if (planAgeMs > 0) limitPlanAge(pool, planAgeMs);
  pool.on('error', onError);
  // A client in use that breaks tells its query as well; without a listener the error would end the process.
  pool.on('connect', (client) => client.on('error', onError));
  return pool;
}

/** pg makes its clients by a class with the pool's options alone. */
function leaderClients(servers: Servers): new () => pg.ClientBase {
  return class extends LeaderClient {
    constructor(config: pg.ClientConfig = {}) {
      super(config, servers);
    }
  };
}

/** No connection is kept that leads to a server of which it is doubted that it leads, or known that it does not. */
function followLeader(pool: Pool, servers: Servers): void {
  const busy = new Set<LeaderClient>();
  const idle = new Set<LeaderClient>();
  const follow = (moment: 'acquire' | 'remove', then: (client: LeaderClient) => void) =>
    pool.on(moment, (client) => client instanceof LeaderClient && then(client));
  follow('acquire', (client) => {
    idle.delete(client);
    busy.add(client);
  });
  pool.on('release', (_, client) => {
    if (client instanceof LeaderClient && busy.delete(client)) idle.add(client);
  });
  follow('remove', (client) => {
    idle.delete(client);
    busy.delete(client);
  });
  // Of those in use the statement tells, or its time limit.
  servers.onDoubt(() => {
    for (const client of [...idle]) client.drop(new Error('closed: its server may lead no more'));
  });
  servers.onMove((leader) => {
    for (const client of [...idle, ...busy])
      if (!client.leadsTo(leader)) client.drop(new ReadOnlyServerError('closed: another server leads now'));
  });
}
