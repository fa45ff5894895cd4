import type { ClaimedMessage, Claims, OpenDelivery } from '../../src/outbox/claim.js';
import type { createPlanner } from '../../src/outbox/plan.js';
import type { AttemptOutcome, DeliveryStatus, Records } from '../../src/outbox/record.js';

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

/** What a worker process remembers of one message and, after it, of those that follow it. */
export interface Hand {
  /** Undefined between two messages. */
  message: ClaimedMessage | undefined;
  run: AsyncGenerator<void, void, Turn>;
}

export interface ModelWorker {
  /** Another one after it was given up for dead. */
  id: number;
  hands: Hand[];
}

/** What a worker touches. */
export interface Surroundings {
  onUnknown: 'resend' | 'hold';
  claims: Claims;
  plan: ReturnType<typeof createPlanner>;
  records: Records;
  isPaused(): boolean;
  pauseAccount(): Promise<void>;
  /** A request reaches WeChat. */
  call(message: ClaimedMessage, deliveryId: string, attempt: number, accepted: boolean): Promise<void>;
  /** Runs a statement that gives deliveries up for which no call is made. */
  watchVerdict<Result>(message: ClaimedMessage, statement: () => Promise<Result>): Promise<Result>;
}

/** What comes of a call: `accepted` is what the user sees (undefined: it never arrives), the rest is written down. */
const ends = {
  accepted: { accepted: true, outcome: 'sent', status: 'sent' },
  busy: { accepted: false, outcome: 'transient', status: 'pending' },
  token: { accepted: false, outcome: 'token', status: 'pending' },
  refused: { accepted: false, outcome: 'permanent', status: 'failed' },
  blocked: { accepted: false, outcome: 'permanent', status: 'failed' },
  quota: { accepted: false, outcome: 'throttled', status: 'pending' },
  unheard: { accepted: true, outcome: 'unknown', status: 'pending' },
  unsent: { accepted: undefined, outcome: 'unknown', status: 'pending' },
} as const;

type DeliverEnd = 'final' | 'final with rest' | 'later' | 'lost';

/**
 * The way of a worker (answer.ts, deliver.ts), told as a generator that stops before each statement and each call: there
 * it may be left standing, killed, or given up for dead and go on all the same. Like a real one it believes what its
 * statements answer.
 */
export function createAnswering(surroundings: Surroundings) {
  const { onUnknown, claims, plan, records, isPaused, pauseAccount, call, watchVerdict } = surroundings;
  const unknownStatus = onUnknown === 'hold' ? 'unknown' : 'pending';

  return answer;

  async function* answer(worker: ModelWorker, hand: Hand, first: ClaimedMessage): Hand['run'] {
    for (let message: ClaimedMessage | undefined = first; message; ) {
      hand.message = message;
      const mayClaimNext: boolean = yield* answerOne(message);
      hand.message = undefined;
      if (!mayClaimNext) return;
      yield;
      [message] = await claims.claimNext([message], worker.id);
    }
  }

  async function* answerOne(message: ClaimedMessage): AsyncGenerator<void, boolean, Turn> {
    const { id: messageId, workerId } = message;
    let deliveries: readonly OpenDelivery[] = message.deliveries;
    let begun = false;
    if (message.status === 'received') {
      const turn = yield;
      if (message.crashes >= 2) {
        if (!(await records.startReply(message))) return false;
        yield;
      }
      if (turn.answer === 'busy') return release(message);
      if (turn.answer === 'blocked') return finish(message, 'failed');
      if (turn.replies === 0) return finish(message, 'settled');
      begun = turn.atOnce && !isPaused();
      const payloads = Array.from({ length: turn.replies }, (_, index) => ({
        msgtype: 'text',
        text: { content: `${index + 1} of ${turn.replies} by ${workerId}` },
      }));
      const [planned] = await plan([{ messageId, workerId, payloads, startFirst: begun }]);
      if (planned?.kind !== 'planned') return false;
      deliveries = planned.deliveries;
    } else if (deliveries.length === 0) {
      yield;
      return finish(message, 'settled');
    }
    for (const [index, delivery] of deliveries.entries()) {
      const last = index === deliveries.length - 1;
      const end = yield* deliver(message, delivery, begun && index === 0, last);
      if (end === 'lost') return false;
      if (end === 'final') continue;
      if (end === 'later') {
        yield;
        return release(message);
      }
      // The last one's result has settled the message: by now it may have been requeued.
      if (last) return true;
      yield;
      const rest = {
        messageId,
        workerId,
        status: 'failed',
        errcode: undefined,
        errmsg: 'not tried',
      } as const;
      await watchVerdict(message, () => records.settleRest(rest));
      yield;
      return finish(message, 'settled');
    }
    return true;
  }

  async function* deliver(
    message: ClaimedMessage,
    delivery: OpenDelivery,
    isBegun: boolean,
    last: boolean,
  ): AsyncGenerator<void, DeliverEnd, Turn> {
    const { id: deliveryId } = delivery;
    let begun = isBegun;
    let attempt = delivery.attempts;

    if (!begun && delivery.attemptStartedAt) {
      yield;
      if (!(await record(unknownStatus, 'unknown'))) return 'lost';
      if (onUnknown === 'hold') return 'final';
    }
    for (;;) {
      if (!begun) {
        const { answer: want } = yield;
        if (isPaused()) return 'later';
        if (want === 'no token') return (await record('pending')) ? 'later' : 'lost';
        if (want === 'no media')
          return (await watchVerdict(message, () => record('failed'))) ? 'final' : 'lost';
        attempt += 1;
        const [started] = await records.start([{ deliveryId, workerId: message.workerId, attempt }]);
        if (!started) return 'lost';
      }
      begun = false;
      const { answer: said } = yield;
      const kind = said in ends ? (said as keyof typeof ends) : 'busy';
      const { accepted, outcome, status } = ends[kind];
      if (accepted !== undefined) await call(message, deliveryId, attempt, accepted);
      yield;
      const decided = outcome === 'unknown' ? unknownStatus : status;
      const owned = await record(decided, outcome);
      if (kind === 'quota') {
        yield;
        await pauseAccount();
      }
      if (!owned) return 'lost';
      if (kind === 'token') continue;
      if (kind === 'blocked') return 'final with rest';
      return decided === 'pending' ? 'later' : 'final';
    }

    /** @param outcome absent when no call was made */
    async function record(status: DeliveryStatus, outcome?: AttemptOutcome): Promise<boolean> {
      const now = new Date();
      const [owned = false] = await records.record([
        {
          ...{ deliveryId, messageId: message.id, workerId: message.workerId, attempt, status },
          call: outcome && { startedAt: now, finishedAt: now, outcome, httpStatus: undefined },
          ...{ errcode: undefined, errmsg: outcome ?? 'no call', failures: 0 },
          delayMs: status === 'pending' ? 0 : undefined,
          settlesMessage: last && status !== 'pending',
        },
      ]);
      return owned;
    }
  }

  async function release({ id: messageId, workerId, claimedAt }: ClaimedMessage): Promise<false> {
    const end = { kind: 'released', delayMs: 0, refundAttempt: false } as const;
    await records.finish([{ messageId, workerId, claimedAt, end, error: undefined }]);
    return false;
  }

  /** The next of the conversation is asked for without a look at whether this one was still its own to finish. */
  async function finish(
    { id: messageId, workerId, claimedAt }: ClaimedMessage,
    kind: 'settled' | 'failed',
  ): Promise<true> {
    await records.finish([{ messageId, workerId, claimedAt, end: { kind }, error: undefined }]);
    return true;
  }
}
