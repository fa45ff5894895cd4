import type { AttemptOutcome } from '../outbox/states.js';
import type { Decision, Outcome } from './decide.js';
import type { RetryPolicy } from './retry-policy.js';

/** Where one delivery stands while its lane is held. All that steps decide by is in it (see attempt.ts). */
export interface AttemptState {
  readonly rules: AttemptRules;
  readonly phase: Phase;
  /** Number of the latest attempt on record as begun. */
  readonly attempt: number;
  readonly failures: number;
  readonly tokenIsFresh: boolean;
  readonly mediaIsFresh: boolean;
  /** Whether files were uploaded for it, which can be uploaded again. */
  readonly hasUploads: boolean;
}

/** What is decided before the first step. */
export interface AttemptRules {
  policy: RetryPolicy;
  onUnknown: 'resend' | 'hold';
  /** No retry begins at or after this time; undefined where it is not known, or an operator's force overrides it. */
  windowEndsAt: Date | undefined;
  /** While its account rests, it waits until then; undefined: for as long as the account rests. */
  waitsUntil: Date | undefined;
  /** Let through a pause of its account. */
  isProbe: boolean;
  /** The last open delivery of its message: its end closes the message. */
  isLast: boolean;
  /** What is behind it in the reply falls with it where the user or the window is refused. */
  bindsRest: boolean;
}

export type Phase =
  | { kind: 'preparing' }
  | { kind: 'waiting' }
  /** `isBegun`: the attempt is on record as begun already, and leave for it is asked for again. */
  | { kind: 'beginning'; isBegun: boolean }
  | { kind: 'calling' }
  | { kind: 'recording'; next: Next }
  | { kind: 'done' };

/** What follows once all is on record. */
export type Next =
  | { kind: 'prepare'; renew: 'token' | 'media' | undefined }
  | { kind: 'done'; end: AttemptEnd };

export type AttemptEnd =
  /** It ended, and that is on record; its message is open. */
  | { kind: 'final' }
  /** It ended, and its message was closed along with it, or that was refused. */
  | { kind: 'closed' }
  | { kind: 'later'; delayMs: number }
  /** The account rests. */
  | { kind: 'paused' }
  /** The lane is another worker's by now, or the delivery has ended otherwise. */
  | { kind: 'lost' }
  /** The process is to stop, and nothing is begun. */
  | { kind: 'stopped' };

/** Time and chance, from outside. */
export interface Moment {
  now: Date;
  /** 0 <= random < 1 */
  random: number;
}

export type AttemptEvent =
  /** Token and files are at hand. */
  | { kind: 'prepared'; hasUploads: boolean }
  /** They could not be had. `about`: see DecisionInput. */
  | {
      kind: 'unprepared';
      wanting: 'access token' | 'media';
      outcome: Outcome;
      about: 'account' | 'message';
      at: Moment;
    }
  | { kind: 'resting'; at: Moment }
  | { kind: 'stopping' }
  /** It has its slot, and its rate lets it go. */
  | { kind: 'admitted' }
  /** The attempt is on record. `isStale`: the response took so long that the lane may have been given away since. */
  | { kind: 'begun'; isStale: boolean }
  | { kind: 'refused'; at: Moment }
  | {
      kind: 'responded';
      outcome: Outcome;
      about: 'account' | 'message';
      startedAt: Date;
      at: Moment;
    }
  /** The process stood still before the request was written, and leave for it is not fresh any more. */
  | { kind: 'unwritten' }
  /** `isHeld`: on record, and the lane is still this worker's. */
  | { kind: 'recorded'; isHeld: boolean };

export type AttemptEffect =
  /** Have a token and the media_ids. */
  | { kind: 'prepare'; renew: 'token' | 'media' | undefined }
  /** Wait for a slot and the rate. */
  | { kind: 'admit' }
  /** Ask leave, and put the attempt on record as begun. */
  | { kind: 'begin'; attempt: number }
  | { kind: 'call' }
  | { kind: 'record'; record: AttemptRecord }
  | { kind: 'done'; end: AttemptEnd };

export type Wanting = 'access token' | 'media' | 'time';

/** All that is to be written down about what happened. */
export interface AttemptRecord {
  decision: Decision;
  /** Number of the latest attempt. */
  attempt: number;
  /** Absent where no call was made. */
  call: { startedAt: Date; finishedAt: Date; outcome: AttemptOutcome } | undefined;
  /** Why no call was made. */
  wanting: Wanting | undefined;
  /** The message is closed along with it. */
  closes: boolean;
  /** What becomes of the deliveries behind it. */
  restStatus: 'failed' | 'expired' | undefined;
  /** The account works again: its pause ends. */
  resumes: boolean;
}
