import { setTimeout as sleep } from 'node:timers/promises';

export interface SendRate {
  /** Resolves when one more send of the account may begin: at once, unless its rate is limited and used up. */
  admit(account: RatedAccount): Promise<void>;
  /** Admits one more send if it may begin right now. @returns whether it was admitted */
  tryAdmit(account: RatedAccount): boolean;
}

interface RatedAccount {
  appId: string;
  /** Sends a second, over all processes; 0 is no limit. */
  sendRate: number;
}

export interface SendRateOptions {
  /** Worker processes alive, this one included: each takes an equal share of an account's rate. */
  workers(): number;
  /** Milliseconds that never run backwards. */
  now(): number;
  /** Ends every wait. */
  stop: AbortSignal;
}

/** What may be sent ahead of the rate: a tenth of a second's worth, and one send at least. */
const burstMs = 100;

/**
 * Keeps each account below its `sendRate` (sends a second over all processes; 0 is no limit) with a token bucket a
 * process, kept as the time at which the next token falls due. The shares follow when processes come and go, within
 * seconds.
 */
export function createSendRate({ workers, now, stop }: SendRateOptions): SendRate {
  /** By account: when all tokens that were taken so far have fallen due. */
  const dueAt = new Map<string, number>();

  /** When one more token falls due. Tokens that nobody took are kept for a burst, and no longer. */
  function nextDue({ appId, sendRate }: RatedAccount, current: number): number {
    const intervalMs = (1_000 * Math.max(1, workers())) / sendRate;
    return Math.max(dueAt.get(appId) ?? 0, current - Math.max(burstMs, intervalMs)) + intervalMs;
  }

  return {
    async admit(account) {
      if (account.sendRate === 0) return;
      const current = now();
      const due = nextDue(account, current);
      dueAt.set(account.appId, due);
      if (due > current) await sleep(due - current, undefined, { signal: stop }).catch(() => undefined);
    },

    tryAdmit(account) {
      if (account.sendRate === 0) return true;
      const current = now();
      const due = nextDue(account, current);
      if (due > current) return false;
      dueAt.set(account.appId, due);
      return true;
    },
  };
}
