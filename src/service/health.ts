import { describePause, readPauses } from '../accounts/pauses.js';
import { type MigrationHashes, readMigrationHashes, readMigrationState } from '../db/migration-state.js';
import type { Pool } from '../db/pool.js';
import type { Inbox } from '../ingress/queue.js';
import {
  type Problem,
  type ReadinessCheck,
  type WorkerState,
  workerCheck,
  writableCheck,
} from '../observe/readiness.js';
import type { Pools, Role } from './pools.js';

/** What of a process runs by now; undefined before it does. */
export interface Parts {
  worker: WorkerState | undefined;
  inbox: Pick<Inbox, 'isFull' | 'waiting' | 'problem'> | undefined;
  webhookPort: number | undefined;
  isStopping: boolean;
}

/**
 * The checks of /readyz: all of them from the first moment on, so that it is never ready before the whole process is, and
 * none any more when it is told to stop.
 */
export function createChecks({
  role,
  adminPool,
  pools,
  parts,
}: {
  role: Role;
  adminPool: Pool;
  pools: Pick<Pools, 'problem'>;
  parts: Readonly<Parts>;
}): Record<string, ReadinessCheck> {
  return {
    process: async () => (parts.isStopping ? 'it is stopping' : undefined),
    ...databaseChecks(adminPool),
    connections: async () => pools.problem(),
    ...(role === 'ingress' ? {} : { worker: workerCheck(adminPool, () => parts.worker) }),
    ...(role === 'worker' ? {} : ingressChecks(parts)),
  };
}

function databaseChecks(pool: Pool): Record<string, ReadinessCheck> {
  let hashes: MigrationHashes | undefined;
  return {
    async database() {
      await pool.query('select 1');
      return undefined;
    },
    writable: writableCheck(pool),
    async accounts() {
      const paused = await readPauses(pool);
      if (paused.length === 0) return undefined;
      return { warning: paused.map((pause) => describePause(pause)).join('; ') };
    },
    async migrations() {
      hashes ??= await readMigrationHashes();
      return checkMigrations(pool, hashes);
    },
  };
}

async function checkMigrations(pool: Pool, hashes: MigrationHashes): Promise<Problem> {
  const state = await readMigrationState(pool, hashes);
  switch (state.kind) {
    case 'current':
      return undefined;
    case 'pending':
      return `not applied: ${state.names.join(', ')}; run "wechat-outbox migrate"`;
    case 'newer':
      return { warning: `a newer version has applied ${state.names.join(', ')}: end the upgrade` };
    case 'foreign':
      return `another version has applied ${state.names.join(', ')}, with which this one cannot work`;
  }
}

function ingressChecks(parts: Readonly<Parts>): Record<string, ReadinessCheck> {
  return {
    webhook: async () => (parts.webhookPort === undefined ? 'its port does not listen yet' : undefined),
    async inbox() {
      const { inbox } = parts;
      if (!inbox) return 'it has not started yet';
      if (inbox.isFull) return `${inbox.waiting} messages wait for their commit: pushes are refused`;
      return inbox.problem && `messages cannot be stored: ${inbox.problem}`;
    },
  };
}
