import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { classifyDatabaseError } from '../../db/errors.js';
import { moveLock } from '../../db/locks.js';
import type { Pool } from '../../db/pool.js';
import { inTransaction } from '../../db/transaction.js';
import type { Words } from '../words/index.js';
import { MoveError } from './move-error.js';

/** The two databases, and who is told of what happens. */
export interface Sides {
  appId: string;
  source: Pool;
  target: Pool;
  /** Host, port and name of each, without user and password. */
  names: { source: string; target: string };
  words: Words['commands']['move'];
  say(line: string): void;
  /** @throws MoveError where another command may move the account by now, for a lock of this one has gone */
  alone(): void;
}

/** Before they are locked. */
export type FreeSides = Omit<Sides, 'alone'>;

/** Something came in between: the transaction is to run once more. */
export class TryAgainError extends Error {
  readonly code = 'TRY_AGAIN';
}

/** A lock that is waited for stops all who come behind: so not for long, and again. */
const lockTimeoutMs = 1_500;
const lockTries = 120;
const lockPauseMs = 1_000;

/** Runs in a transaction, once more where somebody else had what it needs. It may run several times, and commits once. */
export async function inTransactionWithTries<T>(
  pool: Pool,
  run: (client: PoolClient) => Promise<T>,
  { isolation = 'read committed' }: { isolation?: 'read committed' | 'repeatable read' } = {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await inTransaction(pool, `begin isolation level ${isolation}`, async (client) => {
        await client.query(`select set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}`]);
        return run(client);
      });
    } catch (error) {
      const kind = error instanceof TryAgainError ? 'conflict' : classifyDatabaseError(error);
      if ((kind !== 'locked' && kind !== 'conflict') || tries >= lockTries) throw error;
      await sleep(kind === 'locked' ? lockPauseMs : 50);
    }
  }
}

/**
 * One command at a time moves an account: the lock is held in both databases until `release`. Where both URLs lead to the same
 * database, the second cannot be had, which tells so.
 *
 * @throws MoveError
 */
export async function lockSides(sides: FreeSides): Promise<{ release(): void; alone: Sides['alone'] }> {
  const { appId, source, target, words } = sides;
  const atSource = await lockSession(source, appId);
  if (!atSource) throw new MoveError(words.underWay(appId));
  const atTarget = await lockSession(target, appId).catch((error: unknown) => {
    atSource.release();
    throw error;
  });
  if (!atTarget) {
    atSource.release();
    throw new MoveError(words.sameDatabase);
  }
  return {
    release() {
      atSource.release();
      atTarget.release();
    },
    alone() {
      if (!atSource.isHeld() || !atTarget.isHeld()) throw new MoveError(words.lockLost(appId));
    },
  };
}

interface LockSession {
  /** False once its connection is known to have broken, and with it the lock. */
  isHeld(): boolean;
  release(): void;
}

async function lockSession(pool: Pool, appId: string): Promise<LockSession | undefined> {
  const client = await pool.connect();
  let isHeld = false;
  const lose = () => {
    isHeld = false;
  };
  client.on('error', lose);
  client.on('end', lose);
  try {
    const { rows } = await client.query<{ mine: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as mine',
      [moveLock(appId)],
    );
    isHeld = rows[0]?.mine === true;
  } catch (error) {
    client.release(true);
    throw error;
  }
  if (isHeld) return { isHeld: () => isHeld, release: () => client.release(true) };
  client.release(true);
  return undefined;
}
