import type { createBegin } from '../../src/outbox/begin.js';
import type { createEnd, DeliveryEnd } from '../../src/outbox/end.js';
import type { HeldLane, Hold, OpenDelivery, OpenMessage } from '../../src/outbox/lane.js';
import type { Look } from '../../src/outbox/look.js';
import type { createPlanner } from '../../src/outbox/plan.js';
import type { createRelease } from '../../src/outbox/release.js';
import type { createSettle, Settlement } from '../../src/outbox/settle.js';
import { beginDelivery, step } from '../../src/sending/attempt.js';
import type {
  AttemptEffect,
  AttemptEnd,
  AttemptEvent,
  AttemptRecord,
} from '../../src/sending/attempt-state.js';
import type { Outcome } from '../../src/sending/decide.js';

/** What the outside says: WeChat to a call, the reply logic to a message (`busy`, `blocked`: it fails, for now or for good). */
export const answers = [
  'accepted',
  'busy',
  'token',
  'refused',
  'blocked',
  'quota',
  'unheard',
  'unsent',
  'no token',
  'no media',
] as const;
export type Answer = (typeof answers)[number];

/** What a worker meets when it goes on. */
export interface Turn {
  answer: Answer;
  /** Length of the reply, should this be the moment in which it is made. */
  replies: number;
  /** Its first attempt is begun with the plan. */
  atOnce: boolean;
}

/** Nothing goes wrong. */
export const smooth: Turn = { answer: 'accepted', replies: 1, atOnce: false };

/** What a worker process remembers of one lane that it holds. */
export interface Hand {
  readonly hold: Hold;
  /** Of the claim: the process may be another worker since. */
  readonly workerId: number;
  /** The one that it works on; undefined between two. */
  message: OpenMessage | undefined;
  run: AsyncGenerator<void, void, Turn>;
}

export interface ModelWorker {
  /** Another one after it was given up for dead. */
  id: number;
  hands: Hand[];
}

/** A message in a worker's hand. */
export interface InHand extends Hold {
  message: OpenMessage;
  workerId: number;
}

/** What a worker touches. */
export interface Surroundings extends ReturnType<typeof createBegin> {
  onUnknown: 'resend' | 'hold';
  look: Look;
  plan: ReturnType<typeof createPlanner>;
  end: ReturnType<typeof createEnd>;
  settle: ReturnType<typeof createSettle>;
  release: ReturnType<typeof createRelease>;
  isPaused(): boolean;
  pauseAccount(): Promise<void>;
  /** A request reaches WeChat. */
  call(inHand: InHand, deliveryId: string, attempt: number, accepted: boolean): Promise<void>;
  /** Runs a statement that gives deliveries up for which no call is made. */
  watchVerdict<Result>(inHand: InHand, statement: () => Promise<Result>): Promise<Result>;
}

const refused = (errcode: number, errorClass: 'token' | 'permanent' | 'user' | 'throttled') =>
  ({ kind: 'refused', httpStatus: 200, errcode, errmsg: 'refused', errorClass }) as const;

/** What comes of a call: whether the user sees it (undefined: it never arrives), and what the worker is told. */
const ends: Record<Exclude<Answer, 'no token' | 'no media'>, { accepted?: boolean; outcome: Outcome }> = {
  accepted: { accepted: true, outcome: { kind: 'sent', httpStatus: 200, errmsg: 'ok' } },
  busy: { accepted: false, outcome: { kind: 'transient', errmsg: 'busy' } },
  token: { accepted: false, outcome: refused(42001, 'token') },
  refused: { accepted: false, outcome: refused(45002, 'permanent') },
  blocked: { accepted: false, outcome: refused(43004, 'user') },
  quota: { accepted: false, outcome: refused(45009, 'throttled') },
  unheard: { accepted: true, outcome: { kind: 'unknown', errmsg: 'time is up' } },
  unsent: { outcome: { kind: 'unknown', errmsg: 'time is up' } },
};

/** At once, and without end. */
const policy = { baseMs: 0, capMs: 0, maxFailures: 1_000, maxUnlistedFailures: 1_000 };

const moment = () => ({ now: new Date(), random: 0 });

type Next = 'look' | 'done';

/**
 * The way of a worker (worker/lane.ts, sending/reply.ts) around the real statements and the real steps of an attempt
 * (sending/attempt.ts), told as a generator that stops before each statement and each call: there it may be left standing, killed,
 * or given up for dead and go on all the same. Like a real one it believes what its statements say.
 */
export function createWorking(surroundings: Surroundings) {
  const { onUnknown, look, plan, begin, end, suspect, isPaused, pauseAccount, call, watchVerdict } =
    surroundings;

  return async function* work(hand: Hand): Hand['run'] {
    for (;;) {
      yield;
      const [lane] = await look([hand.hold]);
      if (!lane) return;
      hand.message = lane.message;
      const next: Next = yield* workOn(lane, hand.workerId);
      hand.message = undefined;
      if (next === 'done') return;
    }
  };

  async function* workOn(lane: HeldLane, workerId: number): AsyncGenerator<void, Next, Turn> {
    const { message } = lane;
    yield;
    if (!message) return settle({ lane, status: 'settled' });
    let deliveries: readonly OpenDelivery[] = message.deliveries;
    let begun = false;
    if (!message.isPlanned) {
      const turn = yield;
      if (lane.crashes >= 2) {
        if (!(await suspect(lane))) return 'done';
        yield;
      }
      if (turn.answer === 'busy') return release(lane);
      if (turn.answer === 'blocked') return settle({ lane, status: 'failed' });
      if (turn.replies === 0) return settle({ lane, status: 'settled' });
      begun = turn.atOnce && !isPaused();
      const payloads = Array.from({ length: turn.replies }, (_, index) => ({
        msgtype: 'text',
        text: { content: `${index + 1} of ${turn.replies} by ${workerId}` },
      }));
      const [planned] = await plan([{ ...lane, messageId: message.id, payloads, beginsFirst: begun }]);
      if (planned?.kind !== 'planned') return 'look';
      deliveries = planned.deliveries;
    }
    for (const [index, delivery] of deliveries.entries()) {
      const inHand = { laneId: lane.laneId, claim: lane.claim, message, workerId };
      const isLast = index === deliveries.length - 1;
      const done = yield* deliver(lane, inHand, delivery, { begun: begun && index === 0, isLast });
      if (done === 'gone') return 'done';
      if (done === 'closed' || done.kind === 'lost') return 'look';
      if (done.kind === 'final') continue;
      yield;
      return release(lane);
    }
    return settle({ lane, status: 'settled' });
  }

  async function* deliver(
    lane: HeldLane,
    inHand: InHand,
    delivery: OpenDelivery,
    { begun, isLast }: { begun: boolean; isLast: boolean },
  ): AsyncGenerator<void, AttemptEnd | 'gone' | 'closed', Turn> {
    const rules = {
      ...{ policy, onUnknown, windowEndsAt: undefined, waitsUntil: undefined },
      ...{ isProbe: false, isLast, bindsRest: true },
    };
    let isGone = false;
    let { state, effect } = beginDelivery(rules, delivery, begun ? { isStale: false } : undefined, moment());
    while (effect.kind !== 'done') {
      const event: AttemptEvent = yield* carryOut(effect);
      ({ state, effect } = step(state, event));
    }
    if (effect.end.kind === 'closed') return isGone ? 'gone' : 'closed';
    return effect.end;

    async function* carryOut(
      effect: Exclude<AttemptEffect, { kind: 'done' }>,
    ): AsyncGenerator<void, AttemptEvent, Turn> {
      switch (effect.kind) {
        case 'prepare': {
          const { answer } = yield;
          if (isPaused()) return { kind: 'resting', at: moment() };
          const about = 'message';
          const lacking = { kind: 'unprepared', about, at: moment() } as const;
          if (answer === 'no token')
            return { ...lacking, wanting: 'access token', outcome: { kind: 'transient', errmsg: 'none' } };
          if (answer === 'no media')
            return { ...lacking, wanting: 'media', outcome: { kind: 'unusable', errmsg: 'none' } };
          return { kind: 'prepared', hasUploads: false };
        }
        case 'admit':
          return { kind: 'admitted' };
        case 'begin': {
          yield;
          const [may] = await begin([{ ...inHand, deliveryId: delivery.id, attempt: effect.attempt }]);
          return may ? { kind: 'begun', isStale: false } : { kind: 'refused', at: moment() };
        }
        case 'call': {
          const { answer } = yield;
          const { accepted, outcome } =
            ends[answer === 'no token' || answer === 'no media' ? 'busy' : answer];
          const startedAt = new Date();
          if (accepted !== undefined) await call(inHand, delivery.id, state.attempt, accepted);
          return { kind: 'responded', outcome, about: 'message', startedAt, at: moment() };
        }
        case 'record':
          yield;
          return { kind: 'recorded', isHeld: await write(effect.record) };
      }
    }

    async function write(record: AttemptRecord): Promise<boolean> {
      if (record.decision.pause) await pauseAccount();
      const ended = toEnd(delivery.id, record);
      const statement = async () => {
        if (!record.closes) return (await end([{ ...inHand, ...ended }]))[0] ?? false;
        const errmsg = 'not tried';
        const rest = record.restStatus && { status: record.restStatus, errcode: undefined, errmsg };
        const [result] = await surroundings.settle([{ lane, status: 'settled', end: ended, rest }]);
        isGone = result === 'gone';
        return result !== 'refused';
      };
      return record.call ? statement() : watchVerdict(inHand, statement);
    }
  }

  async function release({ laneId, claim }: HeldLane): Promise<Next> {
    await surroundings.release([{ laneId, claim, delayMs: 0 }]);
    return 'done';
  }

  async function settle(settlement: Settlement): Promise<Next> {
    const [result] = await surroundings.settle([settlement]);
    return result === 'gone' ? 'done' : 'look';
  }
}

function toEnd(deliveryId: string, { decision, attempt, call }: AttemptRecord): DeliveryEnd {
  const { status, failures, delayMs, errcode, errmsg, httpStatus } = decision;
  return {
    ...{ deliveryId, attempt, status, failures, delayMs, errcode, errmsg },
    call: call && { ...call, httpStatus },
  };
}
