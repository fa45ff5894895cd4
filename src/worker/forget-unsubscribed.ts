import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';
import { forgetUnsubscribed, lookForUnsubscribed } from '../outbox/forget-unsubscribed.js';

export interface ForgettingDependencies {
  pool: Pool;
  /** Of grace; 0 is a minute. */
  days: number;
  /** Whether this process has its hands full. */
  isBusy(): boolean;
  log: Logger;
}

/** Forgets users who unsubscribed more than `days` ago, unless they came back. */
export interface Forgetting {
  /** One batch, unless there is something better to do. */
  run(): Promise<void>;
  /** How long to wait before the next. */
  pauseMs(): number;
}

/** Users in one round. */
const batch = 20;
const batchEveryMs = 1_000;
/** After which another look is taken when messages waited to be worked on, or another process had its turn. */
const busyMs = 2_000;
/** The same when nobody was left to forget. */
const idleMs = 30_000;

export function createForgetting({ pool, days, isBusy, log }: ForgettingDependencies): Forgetting {
  let position = '0';
  /** Before the first whom a worker had in hand. */
  let lookAgainFrom: string | undefined;
  let pauseMs = busyMs;
  let unlogged = 0;

  async function forgetBatch(): Promise<void> {
    const looked = await lookForUnsubscribed(pool, { afterId: position, limit: batch, days });
    if (!looked.isOurs) return;
    let before = position;
    for (const id of looked.candidates) {
      const result = await forgetUnsubscribed(pool, id);
      // The batch is looked at again.
      if (result === 'busy') return;
      if (result === 'forgotten') unlogged += 1;
      if (result === 'in_hand') lookAgainFrom ??= before;
      before = id;
    }
    position = looked.position ?? position;
    if (looked.passed === batch) {
      pauseMs = batchEveryMs;
      return;
    }
    endLook();
  }

  function endLook(): void {
    pauseMs = idleMs;
    if (unlogged > 0)
      log.info(
        { event: 'forgotten', users: unlogged, unsubscribed_days_ago: days },
        'users who left were forgotten',
      );
    unlogged = 0;
    position = lookAgainFrom ?? position;
    lookAgainFrom = undefined;
  }

  return {
    async run() {
      pauseMs = busyMs;
      if (!isBusy()) await forgetBatch();
    },
    pauseMs: () => pauseMs,
  };
}
