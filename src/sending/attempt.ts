import type { OpenDelivery } from '../outbox/lane.js';
import type {
  AttemptEffect,
  AttemptEnd,
  AttemptEvent,
  AttemptRecord,
  AttemptRules,
  AttemptState,
  Moment,
  Next,
  Wanting,
} from './attempt-state.js';
import { type Decision, decide } from './decide.js';

/**
 * The way of one delivery while its lane is held, as a value and a pure function: `step` takes the state and what has just
 * happened, and tells the next state and what is to be done. What is done, and when, is the driver's (deliver.ts).
 *
 *     prepare ─> admit ─> begin ─> call ─> record ─> done
 *        ^                  ^       │         │
 *        │                  └───────┘         │  the process stood still, and nothing was written
 *        └────────────────────────────────────┘  the token or a media_id is to be had anew
 */
export interface Step {
  readonly state: AttemptState;
  readonly effect: AttemptEffect;
}

/**
 * The first step.
 *
 * @param begun set where the attempt was stored as begun along with the plan, and with what leave
 */
export function beginDelivery(
  rules: AttemptRules,
  delivery: Pick<OpenDelivery, 'attempts' | 'failures' | 'attemptStartedAt'>,
  begun: { isStale: boolean } | undefined,
  at: Moment,
): Step {
  const state: AttemptState = {
    rules,
    phase: { kind: 'preparing' },
    attempt: delivery.attempts,
    failures: delivery.failures,
    tokenIsFresh: false,
    mediaIsFresh: false,
    hasUploads: false,
  };
  if (begun) return afterBegin(state, begun.isStale);
  if (delivery.attemptStartedAt) return endLostAttempt(state, delivery.attemptStartedAt, at);
  return prepare(state, undefined);
}

/** @throws Error for an event that cannot follow: a bug of the driver */
export function step(state: AttemptState, event: AttemptEvent): Step {
  const { phase } = state;
  switch (phase.kind) {
    case 'preparing':
      return whilePreparing(state, event);
    case 'waiting':
      if (event.kind === 'admitted') return begin(state, state.attempt + 1, false);
      return whileUnbegun(state, event);
    case 'beginning':
      return whileBeginning(state, event, phase.isBegun);
    case 'calling':
      return whileCalling(state, event);
    case 'recording':
      if (event.kind !== 'recorded') throw unexpected(state, event);
      if (!event.isHeld) return done(state, { kind: 'lost' });
      return phase.next.kind === 'done' ? done(state, phase.next.end) : prepare(state, phase.next.renew);
    case 'done':
      throw unexpected(state, event);
  }
}

function whilePreparing(state: AttemptState, event: AttemptEvent): Step {
  switch (event.kind) {
    case 'prepared':
      return {
        state: { ...state, hasUploads: event.hasUploads, phase: { kind: 'waiting' } },
        effect: { kind: 'admit' },
      };
    case 'unprepared': {
      const decision = decide(event.outcome, decisionInput(state, event.about, event.at));
      const errmsg = `no ${event.wanting}: ${decision.errmsg}`;
      return record(state, { ...decision, errmsg }, { wanting: event.wanting });
    }
    default:
      return whileUnbegun(state, event);
  }
}

/** Nothing is begun, so nothing keeps it from being left for later. */
function whileUnbegun(state: AttemptState, event: AttemptEvent): Step {
  if (event.kind === 'stopping') return done(state, { kind: 'stopped' });
  if (event.kind !== 'resting') throw unexpected(state, event);
  const { waitsUntil } = state.rules;
  if (!waitsUntil || event.at.now < waitsUntil) return done(state, { kind: 'paused' });
  return endOverdue(state);
}

function whileBeginning(state: AttemptState, event: AttemptEvent, isBegun: boolean): Step {
  switch (event.kind) {
    case 'begun':
      return afterBegin(state, event.isStale);
    case 'refused':
      return isBegun ? endUnmadeAttempt(state, event.at) : done(state, { kind: 'lost' });
    default:
      throw unexpected(state, event);
  }
}

function whileCalling(state: AttemptState, event: AttemptEvent): Step {
  if (event.kind === 'unwritten') return begin(state, state.attempt, true);
  if (event.kind !== 'responded') throw unexpected(state, event);
  const { outcome, about, startedAt, at } = event;
  const decision = decide(outcome, decisionInput(state, about, at));
  const call = { startedAt, finishedAt: at.now, outcome: decision.outcome };
  const isResponse = outcome.kind === 'sent' || outcome.kind === 'refused';
  return record(state, decision, { call, isResponse });
}

function prepare(state: AttemptState, renew: 'token' | 'media' | undefined): Step {
  return {
    state: {
      ...state,
      phase: { kind: 'preparing' },
      tokenIsFresh: state.tokenIsFresh || renew === 'token',
      mediaIsFresh: state.mediaIsFresh || renew === 'media',
    },
    effect: { kind: 'prepare', renew },
  };
}

function begin(state: AttemptState, attempt: number, isBegun: boolean): Step {
  return {
    state: { ...state, attempt, phase: { kind: 'beginning', isBegun } },
    effect: { kind: 'begin', attempt },
  };
}

/** Leave that is not fresh is asked for again: the lane may have been given away, and the reply sent by another. */
function afterBegin(state: AttemptState, isStale: boolean): Step {
  if (isStale) return begin(state, state.attempt, true);
  return { state: { ...state, phase: { kind: 'calling' } }, effect: { kind: 'call' } };
}

function done(state: AttemptState, end: AttemptEnd): Step {
  return { state: { ...state, phase: { kind: 'done' } }, effect: { kind: 'done', end } };
}

interface RecordOptions {
  call?: AttemptRecord['call'];
  wanting?: Wanting;
  /** WeChat has responded to the call, whatever it said. */
  isResponse?: boolean;
  /** What follows where the decision does not say it. */
  next?: Next;
}

function record(state: AttemptState, decision: Decision, options: RecordOptions): Step {
  const { isLast, bindsRest, isProbe } = state.rules;
  const isFinal = decision.status !== 'pending';
  const restStatus = isFinal && bindsRest && !isLast ? decision.restStatus : undefined;
  const closes = isFinal && (isLast || restStatus !== undefined);
  const next = options.next ?? nextAfter(decision, closes);
  return {
    state: { ...state, failures: decision.failures, phase: { kind: 'recording', next } },
    effect: {
      kind: 'record',
      record: {
        decision,
        attempt: state.attempt,
        call: options.call,
        wanting: options.wanting,
        closes,
        restStatus,
        resumes: isProbe && isFinal && options.isResponse === true,
      },
    },
  };
}

function nextAfter({ status, pause, renew, delayMs }: Decision, closes: boolean): Next {
  if (pause) return { kind: 'done', end: { kind: 'paused' } };
  if (renew) return { kind: 'prepare', renew };
  if (status === 'pending') return { kind: 'done', end: { kind: 'later', delayMs: delayMs ?? 0 } };
  return { kind: 'done', end: { kind: closes ? 'closed' : 'final' } };
}

/** An attempt of a worker that died: nobody knows what came of it. Where it may be made again, that is now. */
function endLostAttempt(state: AttemptState, startedAt: Date, at: Moment): Step {
  const errmsg = 'the worker stopped before an answer was recorded';
  const input = { ...decisionInput(state, 'message', at), random: 0 };
  const decision = decide({ kind: 'unknown', errmsg }, input);
  const call = { startedAt, finishedAt: at.now, outcome: decision.outcome };
  const goesOn = decision.status === 'pending';
  return record(state, decision, {
    call,
    ...(goesOn ? { next: { kind: 'prepare', renew: undefined } } : {}),
  });
}

/** It is on record as begun, and leave for it was withdrawn before it was made: nobody shall take it for one of unknown outcome. */
function endUnmadeAttempt(state: AttemptState, { now }: Moment): Step {
  const errmsg = 'not made: the conversation was given to another worker before the request was written';
  const decision: Decision = { ...undecided(state), outcome: 'transient', delayMs: 0, errmsg };
  const call = { startedAt: now, finishedAt: now, outcome: decision.outcome };
  return record(state, decision, { call, next: { kind: 'done', end: { kind: 'lost' } } });
}

/** Its time was over before its account went on. */
function endOverdue(state: AttemptState): Step {
  const errmsg = 'not tried: the reply window ended while the account rested';
  const decision: Decision = { ...undecided(state), status: 'expired', restStatus: 'expired', errmsg };
  return record(state, decision, { wanting: 'time' });
}

function undecided({ failures }: AttemptState): Decision {
  return {
    outcome: 'throttled',
    status: 'pending',
    failures,
    delayMs: undefined,
    renew: undefined,
    pause: undefined,
    errcode: undefined,
    errmsg: '',
    httpStatus: undefined,
    restStatus: undefined,
  };
}

function decisionInput(state: AttemptState, about: 'account' | 'message', { now, random }: Moment) {
  const { policy, windowEndsAt, onUnknown } = state.rules;
  const { failures, tokenIsFresh } = state;
  const mediaIsRenewable = state.hasUploads && !state.mediaIsFresh;
  return { policy, failures, tokenIsFresh, mediaIsRenewable, about, windowEndsAt, onUnknown, now, random };
}

function unexpected({ phase }: AttemptState, event: AttemptEvent): Error {
  return new Error(`The attempt is ${phase.kind}: ${event.kind} cannot follow`);
}
