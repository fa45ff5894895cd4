import type { SendOutcome } from '../wechat/client.js';
import type { AttemptOutcome, DeliveryStatus } from './record.js';
import { nextAfterFailure, type RetryPolicy } from './retry-policy.js';

/** What to write down after an attempt, and how to go on. Pure: the whole of the retry rules is here. */
export interface Decision {
  outcome: AttemptOutcome;
  status: DeliveryStatus;
  failures: number;
  /** For `pending`: when to try again; undefined means at once, with another access token. */
  delayMs: number | undefined;
  errcode: number | undefined;
  errmsg: string;
  httpStatus: number | undefined;
  /** The final status of the deliveries behind it in the same reply, which would fail for the same reason. */
  restStatus: 'failed' | 'expired' | undefined;
}

export interface DecisionInput {
  policy: RetryPolicy;
  /** Failures before this attempt. */
  failures: number;
  /** Whether the access token was renewed for this very attempt. */
  tokenIsFresh: boolean;
  windowEndsAt: Date | undefined;
  onUnknown: 'resend' | 'hold';
  now: Date;
  /** 0 <= random < 1 */
  random: number;
}

/** How long calls of an account rest when a person has to put it right; then one probe. */
export const accountProbeMs = 5 * 60_000;

const minuteQuotaCode = 45011;

export function decide(outcome: SendOutcome, input: DecisionInput): Decision {
  const seen = {
    errmsg: outcome.errmsg,
    httpStatus: outcome.httpStatus,
    errcode: outcome.kind === 'refused' ? outcome.errcode : undefined,
    failures: input.failures,
    delayMs: undefined,
    restStatus: undefined,
  };
  switch (outcome.kind) {
    case 'sent':
      return { ...seen, outcome: 'sent', status: 'sent', errcode: 0 };
    case 'transient':
      return tryAgain('transient', true);
    case 'unknown':
      if (input.onUnknown === 'hold') return { ...seen, outcome: 'unknown', status: 'unknown' };
      return tryAgain('unknown', true);
    case 'refused':
      break;
  }
  switch (outcome.errorClass) {
    case 'token':
      if (input.tokenIsFresh) return tryAgain('transient', true);
      return { ...seen, outcome: 'token', status: 'pending' };
    case 'transient':
      return tryAgain('transient', true);
    case undefined:
      return tryAgain('transient', false);
    case 'throttled':
      return waitUncounted(
        'throttled',
        outcome.errcode === minuteQuotaCode ? 60_000 : untilShanghaiMidnightMs(input.now),
      );
    case 'account':
      return waitUncounted('throttled', accountProbeMs);
    case 'permanent':
      return { ...seen, outcome: 'permanent', status: 'failed' };
    case 'user':
      return { ...seen, outcome: 'permanent', status: 'failed', restStatus: 'failed' };
    case 'window':
      return { ...seen, outcome: 'permanent', status: 'expired', restStatus: 'expired' };
  }

  function tryAgain(attemptOutcome: AttemptOutcome, listed: boolean): Decision {
    const failures = input.failures + 1;
    const next = nextAfterFailure(input.policy, { ...input, failures, listed });
    const base = { ...seen, outcome: attemptOutcome, failures };
    if (next.kind === 'retry') return { ...base, status: 'pending', delayMs: next.delayMs };
    if (next.reason === 'window') return { ...base, status: 'expired', restStatus: 'expired' };
    return { ...base, status: 'failed' };
  }

  /** Waiting is no failure of this message, but the reply window does not wait. */
  function waitUncounted(attemptOutcome: AttemptOutcome, delayMs: number): Decision {
    const base = { ...seen, outcome: attemptOutcome };
    if (input.windowEndsAt && input.now.getTime() + delayMs >= input.windowEndsAt.getTime()) {
      return { ...base, status: 'expired', restStatus: 'expired' };
    }
    return { ...base, status: 'pending', delayMs };
  }
}

/** Daily quotas begin anew at midnight in China, which keeps UTC+8 all year. */
function untilShanghaiMidnightMs(now: Date): number {
  const day = 24 * 3_600_000;
  const offset = 8 * 3_600_000;
  return day - ((now.getTime() + offset) % day);
}
