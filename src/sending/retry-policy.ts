/** When to try again, and when to stop. Pure: time and randomness are passed in. */

export interface RetryPolicy {
  /** The first pause is at most this long. */
  baseMs: number;
  /** No pause is longer than this. */
  capMs: number;
  /** Failures of a known transient kind before giving up. */
  maxFailures: number;
  /** Failures with a code that the table does not know before giving up. */
  maxUnlistedFailures: number;
}

/** Yields at most 1, 2, 4, 8 … s, then 10 min each: some two hours of an outage, in 20 attempts. */
export const defaultRetryPolicy: RetryPolicy = {
  baseMs: 1_000,
  capMs: 600_000,
  maxFailures: 20,
  maxUnlistedFailures: 5,
};

/** Of a window of one minute nothing may be wasted: at most 0.5, 1, 2, 4, then 5 s. */
export function urgentPolicy(policy: RetryPolicy): RetryPolicy {
  return { ...policy, baseMs: Math.min(policy.baseMs, 500), capMs: Math.min(policy.capMs, 5_000) };
}

/**
 * Exponential backoff with full jitter: a random pause between 0 and `base * 2^(failures-1)`, capped.
 * Full jitter spreads the retries of many messages that failed together most evenly.
 *
 * @param failures how many attempts have failed, from 1
 * @param random 0 <= random < 1
 */
export function backoffMs(policy: RetryPolicy, failures: number, random: number): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(random * ceiling);
}

export type Next = { kind: 'retry'; delayMs: number } | { kind: 'give-up'; reason: 'attempts' | 'window' };

/**
 * What follows a failed attempt.
 *
 * @param windowEndsAt no retry begins at or after this time; undefined when the end is not known
 */
export function nextAfterFailure(
  policy: RetryPolicy,
  failure: { failures: number; listed: boolean; windowEndsAt: Date | undefined; now: Date; random: number },
): Next {
  const limit = failure.listed ? policy.maxFailures : policy.maxUnlistedFailures;
  if (failure.failures >= limit) return { kind: 'give-up', reason: 'attempts' };
  const delayMs = backoffMs(policy, failure.failures, failure.random);
  if (failure.windowEndsAt && failure.now.getTime() + delayMs >= failure.windowEndsAt.getTime()) {
    return { kind: 'give-up', reason: 'window' };
  }
  return { kind: 'retry', delayMs };
}
