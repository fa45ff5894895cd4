import { setTimeout as sleep } from 'node:timers/promises';
import { isOutage } from './errors.js';

export interface PersistOptions {
  /** Given up when aborted. */
  signal: AbortSignal;
  /** Told of each failed try. */
  onOutage(error: unknown): void;
  /** What it is repeated after. Default: every outage. */
  isWaitedFor?(error: unknown): boolean;
}

const firstPauseMs = 50;
const longestPauseMs = 2_000;

/**
 * Repeats a statement until the database takes it: what has happened (a message was sent) must get on record, however
 * long Postgres is away. The statement must be one that may run twice, since an answer can be lost after the commit.
 *
 * @throws whatever is not waited for, and the outage itself once `signal` is aborted
 */
export async function persist<T>(
  run: () => Promise<T>,
  { signal, onOutage, isWaitedFor = isOutage }: PersistOptions,
): Promise<T> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await run();
    } catch (error) {
      if (!isWaitedFor(error) || signal.aborted) throw error;
      onOutage(error);
      // An abort ends the pause; the next try then is the last.
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
