import type { AttemptOutcome, DeliveryStatus } from '../outbox/states.js';
import { untilShanghaiMidnightMs } from '../wechat/out/calendar.js';
import type { SendOutcome } from '../wechat/out/client.js';
import { nextAfterFailure, type RetryPolicy } from './retry-policy.js';

/** What came of trying: of a call, or of getting ready for it. */
export type Outcome =
  | SendOutcome
  /** It can never be sent: its file will not do. */
  | { kind: 'unusable'; httpStatus?: undefined; errmsg: string }
  /** It needs an upload, and the quota of uploads is used up for so long. */
  | { kind: 'upload-quota'; httpStatus?: undefined; errcode: number; errmsg: string; forMs: number };

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
  /** Whom a refusal of class `account` or `user` is about, by the evidence there is (see evidence.ts). */
  about: 'account' | 'message';
  windowEndsAt: Date | undefined;
  onUnknown: 'resend' | 'hold';
  now: Date;
  /** 0 <= random < 1 */
  random: number;
}

/** How long calls of an account rest when a person has to put it right; then one probe. */
export const accountProbeMs = 5 * 60_000;

/** Refusals of an IP by the administrator, who is not to be asked again before that. */
const refusedForMs: ReadonlyMap<number, number> = new Map([
  [89506, 24 * 3_600_000],
  [89507, 3_600_000],
]);

/**
 * After so many failures a response that cannot be read is not followed by another send. Failures of whatever kind are counted,
 * for no count of this kind is kept: so it is sent again twice at most, and fewer times where other failures came before.
 */
const maxUnreadableResends = 2;

export function decide(outcome: Outcome, input: DecisionInput): Decision {
  if (outcome.kind === 'sent') return sent(outcome, input.failures);
  switch (outcome.kind) {
    case 'transient':
      return tryAgain('transient', outcome, input);
    case 'unknown':
      return isHeld(outcome, input)
        ? final('unknown', 'unknown', outcome, input)
        : tryAgain('unknown', outcome, input);
    case 'unusable':
      return final('permanent', 'failed', outcome, input);
    case 'upload-quota':
      return awaitUploads(outcome, input);
    case 'refused':
      return refused(outcome, input);
  }
}

type Refused = Extract<Outcome, { kind: 'refused' }>;

/** By the class of WeChat's code. */
function refused(outcome: Refused, input: DecisionInput): Decision {
  switch (outcome.errorClass) {
    case 'token':
      if (input.tokenIsFresh) return tryAgain('transient', outcome, input);
      return { ...seen(outcome, input), outcome: 'token', renew: 'token' };
    case 'media':
      if (!input.mediaIsRenewable) return final('permanent', 'failed', outcome, input);
      return { ...seen(outcome, input), outcome: 'transient', renew: 'media' };
    case 'transient':
      return tryAgain('transient', outcome, input);
    case undefined:
      return tryAgain('transient', outcome, input, 'unlisted');
    case 'throttled': {
      const { reason, forMs } = quotaOf(outcome.errcode, input.now);
      return rest(reason, forMs, outcome, input);
    }
    case 'account':
      if (input.about === 'message') return final('permanent', 'failed', outcome, input);
      return rest('account', refusedForMs.get(outcome.errcode) ?? accountProbeMs, outcome, input);
    case 'permanent':
      return final('permanent', 'failed', outcome, input);
    case 'user':
      if (input.about === 'account') return rest('account', accountProbeMs, outcome, input);
      return { ...final('permanent', 'failed', outcome, input), restStatus: 'failed' };
    case 'window':
      return { ...final('permanent', 'expired', outcome, input), restStatus: 'expired' };
  }
}

/** What all decisions but the one on a success begin with: as it was, to go on at once. */
function seen(outcome: Exclude<Outcome, { kind: 'sent' }>, { failures }: DecisionInput): Decision {
  return {
    outcome: 'transient',
    status: 'pending',
    failures,
    delayMs: undefined,
    renew: undefined,
    pause: undefined,
    errcode: 'errcode' in outcome ? outcome.errcode : undefined,
    errmsg: outcome.errmsg,
    httpStatus: outcome.httpStatus,
    restStatus: undefined,
  };
}

type Failed = Exclude<Outcome, { kind: 'sent' }>;

function final(
  outcome: AttemptOutcome,
  status: 'failed' | 'expired' | 'unknown',
  of: Failed,
  input: DecisionInput,
): Decision {
  return { ...seen(of, input), outcome, status };
}

function tryAgain(
  outcome: AttemptOutcome,
  of: Failed,
  input: DecisionInput,
  code: 'listed' | 'unlisted' = 'listed',
): Decision {
  const failures = input.failures + 1;
  const next = nextAfterFailure(input.policy, { ...input, failures, listed: code === 'listed' });
  const base = { ...seen(of, input), outcome, failures };
  if (next.kind === 'retry') return { ...base, delayMs: next.delayMs };
  if (next.reason === 'window') return { ...base, status: 'expired', restStatus: 'expired' };
  return { ...base, status: 'failed' };
}

/** It is not this message's failure, and who resumes the account decides when it goes on. */
function rest(
  reason: 'minute_quota' | 'daily_quota' | 'account',
  forMs: number,
  of: Failed,
  input: DecisionInput,
): Decision {
  return { ...seen(of, input), outcome: 'throttled', delayMs: forMs, pause: { reason, forMs } };
}

/** It waits for the uploads' own quota, alone: what needs no upload goes on. Behind it in the reply may be such. */
function awaitUploads(of: Extract<Outcome, { kind: 'upload-quota' }>, input: DecisionInput): Decision {
  const { windowEndsAt, now } = input;
  if (windowEndsAt && now.getTime() + of.forMs >= windowEndsAt.getTime())
    return final('throttled', 'expired', of, input);
  return { ...seen(of, input), outcome: 'throttled', delayMs: of.forMs };
}

function isHeld(outcome: Extract<Outcome, { kind: 'unknown' }>, input: DecisionInput): boolean {
  if (input.onUnknown === 'hold') return true;
  return outcome.unreadable === true && input.failures >= maxUnreadableResends;
}

/** What nearly every attempt comes to. Field by field: V8 is slow at spreading an object. */
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

const minuteMs = 60_000;
const minuteQuotas: ReadonlySet<number> = new Set([45011, 44990, 44991]);

/** Which quota a code of class `throttled` tells of, and for how long it is used up. */
export function quotaOf(
  errcode: number,
  now: Date,
): { reason: 'minute_quota' | 'daily_quota'; forMs: number } {
  return minuteQuotas.has(errcode)
    ? { reason: 'minute_quota', forMs: minuteMs }
    : { reason: 'daily_quota', forMs: untilShanghaiMidnightMs(now) };
}
