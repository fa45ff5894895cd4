import type { AttemptOutcome, DeliveryStatus } from '../outbox/record.js';
import type { SendOutcome } from '../wechat/out/client.js';
import { nextAfterFailure, type RetryPolicy } from './retry-policy.js';

/** What came of trying: of a call, or of getting ready for it. */
export type Outcome = SendOutcome | { kind: 'unusable'; httpStatus?: undefined; errmsg: string };

/** What to write down after an attempt, and how to go on. Pure: the whole of the retry rules is here. */
export interface Decision {
  outcome: AttemptOutcome;
  status: DeliveryStatus;
  failures: number;
  /** For `pending`: when to try again; undefined means at once, with what `renew` says. */
  delayMs: number | undefined;
  /** What WeChat refused and can be had anew, for another attempt at once. */
  renew: 'token' | 'media' | undefined;
  /** Set when it is the account that is refused: its sends rest, all of them. */
  pause: { reason: 'minute_quota' | 'daily_quota' | 'account'; forMs: number } | undefined;
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
  /** Whether there are files that can be uploaded again, and were not for this very attempt. */
  mediaIsRenewable: boolean;
  windowEndsAt: Date | undefined;
  onUnknown: 'resend' | 'hold';
  now: Date;
  /** 0 <= random < 1 */
  random: number;
}

/** How long calls of an account rest when a person has to put it right; then one probe. */
export const accountProbeMs = 5 * 60_000;

const minuteQuotaCode = 45011;
const minuteMs = 60_000;

export function decide(outcome: Outcome, input: DecisionInput): Decision {
  if (outcome.kind === 'sent') return sent(outcome, input.failures);
  const seen = {
    errmsg: outcome.errmsg,
    httpStatus: outcome.httpStatus,
    errcode: outcome.kind === 'refused' ? outcome.errcode : undefined,
    failures: input.failures,
    delayMs: undefined,
    renew: undefined,
    pause: undefined,
    restStatus: undefined,
  };
  switch (outcome.kind) {
    case 'transient':
      return tryAgain('transient', true);
    case 'unknown':
      if (input.onUnknown === 'hold') return { ...seen, outcome: 'unknown', status: 'unknown' };
      return tryAgain('unknown', true);
    case 'unusable':
      return { ...seen, outcome: 'permanent', status: 'failed' };
    case 'refused':
      break;
  }
  switch (outcome.errorClass) {
    case 'token':
      if (input.tokenIsFresh) return tryAgain('transient', true);
      return { ...seen, outcome: 'token', status: 'pending', renew: 'token' };
    case 'media':
      if (!input.mediaIsRenewable) return { ...seen, outcome: 'permanent', status: 'failed' };
      return { ...seen, outcome: 'transient', status: 'pending', renew: 'media' };
    case 'transient':
      return tryAgain('transient', true);
    case undefined:
      return tryAgain('transient', false);
    case 'throttled':
      return outcome.errcode === minuteQuotaCode
        ? rest('minute_quota', minuteMs)
        : rest('daily_quota', untilShanghaiMidnightMs(input.now));
    case 'account':
      return rest('account', accountProbeMs);
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

  /** It is not this message's failure, and who resumes the account decides when it goes on. */
  function rest(reason: 'minute_quota' | 'daily_quota' | 'account', forMs: number): Decision {
    return { ...seen, outcome: 'throttled', status: 'pending', delayMs: forMs, pause: { reason, forMs } };
  }
}

/** What nearly every attempt comes to. Field by field: spreading an object costs V8 as much as the rest of a decision. */
function sent({ httpStatus, errmsg }: Extract<Outcome, { kind: 'sent' }>, failures: number): Decision {
  return {
    outcome: 'sent',
    status: 'sent',
    failures,
    delayMs: undefined,
    renew: undefined,
    pause: undefined,
    errcode: 0,
    errmsg,
    httpStatus,
    restStatus: undefined,
  };
}

/** Daily quotas begin anew at midnight in China, which keeps UTC+8 all year. */
function untilShanghaiMidnightMs(now: Date): number {
  const day = 24 * 3_600_000;
  const offset = 8 * 3_600_000;
  return day - ((now.getTime() + offset) % day);
}
