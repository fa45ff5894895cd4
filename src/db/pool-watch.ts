import { classifyDatabaseError } from './errors.js';
import { connectTimeoutMs, type Pool } from './pool.js';
import { wrapConnect } from './pool-connect.js';

/** What is wrong with how a pool gets its connections, in words with what to set; undefined when nothing is. */
export interface PoolWatch {
  problem(): string | undefined;
}

/** A refusal is told for so long: the next attempt may come only with the next burst. */
const refusalLastsMs = 15_000;
const todo = {
  refused_connection:
    "lower DATABASE_CONNECTIONS, or raise the limit (max_connections, the role's or the database's connection limit, or the pooler's)",
  refused_login:
    'see to the role and its password in Postgres; another DATABASE_URL or DATABASE_PASSWORD counts once the process is started again',
} as const;
/** Who gets a connection as soon as this has not starved. */
const quickMs = 1_000;

/**
 * Looks on at each connection that is asked for.
 *
 * @param onRefused told of each that the server has none left for
 */
export function watchPool(pool: Pool, name: string, onRefused: () => void): PoolWatch {
  let refused: { at: number; message: string; todo: string } | undefined;
  let isStarving = false;

  function note(startedAt: number, error: Error | undefined): void {
    const now = performance.now();
    const kind = error && classifyDatabaseError(error);
    if (!error) {
      if (now - startedAt < quickMs) isStarving = false;
    } else if (kind === 'refused_connection' || kind === 'refused_login') {
      refused = { at: now, message: error.message, todo: todo[kind] };
      if (kind === 'refused_connection') onRefused();
    } else if (error.message.includes('timeout exceeded when trying to connect')) {
      isStarving = true;
    }
  }

  wrapConnect(pool, (connect) => (callback) => {
    const startedAt = performance.now();
    connect((error, client, release) => {
      note(startedAt, error);
      callback(error, client, release);
    });
  });

  return {
    problem() {
      if (refused && performance.now() - refused.at < refusalLastsMs)
        return `${name}: a connection was refused (${refused.message}): ${refused.todo}`;
      if (isStarving)
        return `${name}: statements wait longer than ${connectTimeoutMs / 1_000} s for one of ${pool.options.max} connections: raise DATABASE_CONNECTIONS, or see in pg_stat_activity what holds them`;
      return undefined;
    },
  };
}

/**
 * Changes how many connections a pool may have. Those above that are closed as soon as nobody uses them, and not by waiting
 * for a quiet moment: a busy pool has none.
 */
export function resizePool(pool: Pool, max: number): void {
  pool.options.max = max;
  for (let idle = Math.min(pool.idleCount, pool.totalCount - max); idle > 0; idle -= 1)
    pool.connect().then(
      (client) => client.release(true),
      () => undefined,
    );
}

/** To be asked once for a pool that is resized. */
export function closeSurplus(pool: Pool): void {
  // Looked at by the pool right after this event: "used up" is what it closes.
  pool.on('release', () => {
    pool.options.maxUses = pool.totalCount > pool.options.max ? 1 : Number.POSITIVE_INFINITY;
  });
}
