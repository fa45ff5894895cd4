import { ConfigError } from '../config/settings.js';
import { createPool, type Pool } from '../db/pool.js';
import { wrapConnect } from '../db/pool-connect.js';
import { closeSurplus, resizePool, watchPool } from '../db/pool-watch.js';
import { createServers, type Servers } from '../db/servers.js';
import type { Logger } from '../observe/log.js';
import { logTimeline } from '../observe/log-timeline.js';

export type Role = 'all' | 'ingress' | 'worker';

export type PoolName = 'session' | 'jobs' | 'writes' | 'ingress' | 'admin' | 'console';

interface PoolPlan {
  name: PoolName;
  roles: readonly Role[];
  /** Connections that it cannot do without. */
  least: number;
  /** Its part of the others, beside those of the rest. */
  weight: number;
  /** How long the client waits for a statement; the server ends it a little earlier. In ms. */
  statementMs: number;
  /** How long a statement waits for a lock. In ms. */
  lockMs: number;
  /** Commits do not wait for the disk. */
  relaxed?: boolean;
  /** Postgres may keep the plans of its statements for moments: they are few, and run often. */
  isHot?: boolean;
}

/** Every connection of a process belongs to one of these; the sum is DATABASE_CONNECTIONS. */
const plans: readonly PoolPlan[] = [
  // The worker's proof of life, on a connection that does nothing else. It has limits of its own (session-connection.ts).
  { name: 'session', roles: ['all', 'worker'], least: 1, weight: 0, statementMs: 0, lockMs: 0 },
  // graphile-worker (one of them listens) and claims: a claim that is lost with a crash is one that nothing was sent on.
  {
    name: 'jobs',
    roles: ['all', 'worker'],
    least: 2,
    weight: 7,
    statementMs: 20_000,
    lockMs: 2_000,
    relaxed: true,
    isHot: true,
  },
  // What the worker puts on record, tokens, pauses and maintenance.
  {
    name: 'writes',
    roles: ['all', 'worker'],
    least: 1,
    weight: 6,
    statementMs: 20_000,
    lockMs: 1_000,
    isHot: true,
  },
  // Apart, so that workers cannot starve it. A statement must fail in time for another within WeChat's five seconds.
  {
    name: 'ingress',
    roles: ['all', 'ingress'],
    least: 1,
    weight: 4,
    statementMs: 2_000,
    lockMs: 1_000,
    isHot: true,
  },
  // Health, metrics and pages of the JS-SDK: they answer also when all others are busy.
  {
    name: 'admin',
    roles: ['all', 'ingress', 'worker'],
    least: 1,
    weight: 2,
    statementMs: 2_500,
    lockMs: 1_000,
  },
  // The console in the browser; where there are few connections it takes those of `admin`.
  {
    name: 'console',
    roles: ['all', 'ingress', 'worker'],
    least: 0,
    weight: 2,
    statementMs: 5_000,
    lockMs: 1_000,
  },
];

/** At the start two connections look at the database and migrate it, beside one for health. */
const leastToStart = 3;

/** Within it a backlog grows by some ten thousand messages at most, and a plan for fewer reads these in some milliseconds. */
const hotPlanAgeMs = 5_000;

/** None of our transactions waits for anything but Postgres. */
const idleInTransactionMs = 10_000;

/** The least DATABASE_CONNECTIONS with which a role works. */
export function leastConnections(role: Role): number {
  return Math.max(
    leastToStart,
    plansOf(role).reduce((sum, { least }) => sum + least, 0),
  );
}

/**
 * Divides the connections of a process among its pools.
 *
 * @throws ConfigError when there are too few for the role
 */
export function shareConnections(role: Role, connections: number): Partial<Record<PoolName, number>> {
  const least = leastConnections(role);
  if (connections < least) throw new ConfigError([{ code: 'tooFewConnections', connections, least, role }]);
  const roles = plansOf(role);
  const weights = roles.reduce((sum, { weight }) => sum + weight, 0);
  const fixed = roles.reduce((sum, { weight, least }) => sum + (weight === 0 ? least : 0), 0);
  const shares = roles.map(({ name, weight, least: atLeast }) => {
    const ideal = weight === 0 ? atLeast : ((connections - fixed) * weight) / weights;
    return { name, ideal, atLeast, size: Math.max(atLeast, Math.floor(ideal)) };
  });
  // What rounding left over, or what the least of each took too much.
  for (let left = connections - sumOf(shares); left > 0; left -= 1) {
    const neediest = shares.reduce((one, other) =>
      other.ideal - other.size > one.ideal - one.size ? other : one,
    );
    neediest.size += 1;
  }
  for (let over = sumOf(shares) - connections; over > 0; over -= 1) {
    const richest = shares.reduce((one, other) =>
      other.size - other.atLeast > one.size - one.atLeast ? other : one,
    );
    richest.size -= 1;
  }
  return Object.fromEntries(shares.map(({ name, size }) => [name, size]));
}

const sumOf = (shares: readonly { size: number }[]) => shares.reduce((sum, { size }) => sum + size, 0);

const plansOf = (role: Role) => plans.filter(({ roles }) => roles.includes(role));

export interface Pools {
  /** What all of them know of who leads. */
  readonly servers: Servers;
  /** Opened when it is first asked for; only what the role has. */
  open(name: Exclude<PoolName, 'session'>): Pool;
  sizeOf(name: PoolName): number;
  /** What is wrong with how they get their connections. */
  problem(): string | undefined;
  end(): Promise<void>;
}

/** After so long with fewer connections than it may have, a process tries again whether there are more. */
const regrowAfterMs = 60_000;

export interface PoolsOptions {
  connectionString: string;
  role: Role;
  connections: number;
  log: Logger;
}

/**
 * Where the server has fewer connections for us than DATABASE_CONNECTIONS says, the pools share what they got: else those
 * that came first would keep all, and the others do nothing for ever.
 *
 * @throws ConfigError when there are too few for the role
 */
export function createPools({ connectionString, role, connections, log }: PoolsOptions): Pools {
  const servers = createServers(connectionString);
  const opened = new Map<PoolName, { pool: Pool; problem(): string | undefined }>();
  let shares = shareConnections(role, connections);
  let current = connections;
  let regrow: NodeJS.Timeout | undefined;
  const sizeOf = (name: PoolName) => shares[name] ?? 0;

  function share(among: number): void {
    const next = shareConnections(role, among);
    for (const [name, { pool }] of opened) resizePool(pool, next[name] ?? 0);
    current = among;
    shares = next;
  }

  function onRefused(): void {
    const got = [...opened.values()].reduce((sum, { pool }) => sum + pool.totalCount, sizeOf('session'));
    const fewer = Math.max(leastConnections(role), Math.min(got, current - 1));
    if (fewer < current) {
      log.warn({ event: 'connections_refused', connections: fewer, of: connections }, 'fewer connections');
      share(fewer);
    }
    clearTimeout(regrow);
    regrow = setTimeout(() => share(connections), regrowAfterMs).unref();
  }

  function open(name: PoolName): Pool {
    const known = opened.get(name);
    if (known) return known.pool;
    const plan = plansOf(role).find((one) => one.name === name);
    if (!plan) throw new Error(`The role ${role} has no pool ${name}`);
    const pool = createPool({
      connectionString,
      servers,
      // Readiness tells of a server that takes no writes, and of nothing else that would follow from it.
      writes: name !== 'admin',
      onTimeline: (found) => logTimeline(log, found),
      name,
      max: sizeOf(name),
      statementTimeoutMs: plan.statementMs,
      lockTimeoutMs: plan.lockMs,
      idleInTransactionMs,
      relaxed: plan.relaxed ?? false,
      planAgeMs: plan.isHot ? hotPlanAgeMs : 0,
      onError: (error) =>
        log.warn({ event: 'connection_lost', pool: name, err: error }, 'database connection lost'),
    });
    closeSurplus(pool);
    // Not a single one may be kept by who can do without: there may be none to spare.
    if (plan.least === 0)
      wrapConnect(pool, (connect) => (callback) => {
        if (sizeOf(name) > 0) connect(callback);
        else open('admin').connect(callback);
      });
    opened.set(name, { pool, ...watchPool(pool, name, onRefused) });
    return pool;
  }

  return {
    servers,
    open,
    sizeOf,
    problem() {
      const problems = [...opened.values()].flatMap((one) => one.problem() ?? []);
      return problems.length > 0 ? problems.join('; ') : undefined;
    },
    async end() {
      clearTimeout(regrow);
      await Promise.all([...opened.values()].map(({ pool }) => pool.end()));
    },
  };
}
