import type { AccessTokens } from '../accounts/access-token.js';
import type { Pauses } from '../accounts/pauses.js';
import type { SendRate } from '../accounts/send-rate.js';
import { createSlots, type Slots } from '../lib/slots.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { ClaimedMessage, Conversation, OpenDelivery } from '../outbox/claim.js';
import type { Plan, PlanResult } from '../outbox/plan.js';
import type { Finish, Records } from '../outbox/record.js';
import type { RunReplies, ServedAccount } from '../replies/run.js';
import type { Thought } from '../replies/think.js';
import { accountProbeMs } from '../sending/decide.js';
import type { Deliver } from '../sending/deliver.js';
import { hasMediaSource } from '../sending/media.js';
import { backoffMs, type RetryPolicy, urgentPolicy } from '../sending/retry-policy.js';
import { toWire, type WirePayload } from '../wechat/out/reply.js';

export interface AnswerDependencies {
  accounts: ReadonlyMap<string, ServedAccount>;
  runReplies: RunReplies;
  pauses: Pick<Pauses, 'isPaused'>;
  /** Replies being sent at once, for each account. */
  sendConcurrency: number;
  sendRate: SendRate;
  tokens: AccessTokens;
  plan(plan: Plan): Promise<PlanResult>;
  deliver: Deliver;
  finish(finish: Finish): Promise<boolean>;
  settleRest: Records['settleRest'];
  claimNext(conversation: Conversation): Promise<ClaimedMessage | undefined>;
  policy: RetryPolicy;
  random: () => number;
  clock: () => Date;
  /** Milliseconds that never run backwards. */
  now(): number;
  log: Logger;
  metrics: Metrics;
  /** `drain`: begin nothing new; `stop`: give up what is still running. */
  signals: { drain: AbortSignal; stop: AbortSignal };
}

/** What a message of an account that rests waits before it is looked at again, should nobody wake it. */
const pausedDelayMs = 200;

/** Times that the reply logic may fail for one message before it is given up. */
const maxReplyAttempts = 5;

const longestWindowMs = 48 * 3_600_000;

type End = 'settled' | 'released' | 'lost';

/** Made when it is first asked for: most reply logic logs nothing, and a logger of its own costs as much as a line. */
function lazily<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

type Thoughts = Extract<Thought, { kind: 'replies' }>;

export interface Answerer {
  /** Answers one claimed message, then the next of its conversation, until none is due. */
  answer(message: ClaimedMessage): Promise<void>;
  /** Ids of the messages being answered now. */
  readonly inHand: Pick<ReadonlySet<string>, 'has'>;
}

export function createAnswer(dependencies: AnswerDependencies): Answerer {
  const {
    accounts,
    runReplies,
    sendRate,
    tokens,
    plan,
    deliver,
    finish,
    settleRest,
    claimNext,
    signals,
    now,
  } = dependencies;
  const sendSlots = new Map<string, Slots>();
  /** Runs by message: an old one that was given up may still be ending beside the new one. */
  const inHand = new Map<string, number>();

  function hold(id: string, change: 1 | -1): void {
    const runs = (inHand.get(id) ?? 0) + change;
    if (runs > 0) inHand.set(id, runs);
    else inHand.delete(id);
  }

  async function answer(message: ClaimedMessage): Promise<void> {
    for (let current: ClaimedMessage | undefined = message; current; ) {
      const { id } = current;
      hold(id, 1);
      const end: End = await answerOne(current).finally(() => hold(id, -1));
      // The next waits without a job: it is claimed after the commit that settled this one. So may an earlier one, that
      // came to light while this one was in hand, when this one is put off.
      const goesOn: boolean = end === 'settled' || (end === 'released' && !signals.drain.aborted);
      current = goesOn ? await claimNext(current) : undefined;
    }
  }

  async function answerOne(message: ClaimedMessage): Promise<End> {
    if (signals.drain.aborted) return release(message, 0, { refundAttempt: message.status === 'received' });
    const account = accounts.get(message.appId);
    if (!account) return awaitAccount(message);

    let thought: Thoughts | undefined;
    if (message.status === 'received') {
      const outcome = await runReplyLogic(message, account);
      if (typeof outcome === 'string') return outcome;
      if (outcome.replies.length === 0) return settle(message, outcome.cut);
      thought = outcome;
    } else if (message.deliveries.length === 0) {
      return settle(message);
    }
    return send(message, account, thought);
  }

  async function runReplyLogic(message: ClaimedMessage, account: ServedAccount): Promise<Thoughts | End> {
    const log = lazily(() =>
      dependencies.log.child({
        request_id: message.requestId,
        app_id: account.appId,
        message_id: message.id,
      }),
    );
    const thought = await runReplies(message, account, log);
    switch (thought.kind) {
      case 'replies':
        if (thought.cut) log().warn({ event: 'reply_cut', reason: thought.cut }, 'reply cut');
        return thought;
      case 'refused':
        return fail(message, thought.problem);
      case 'lost':
        return 'lost';
      case 'stopped':
        return release(message, 0, { refundAttempt: true });
      case 'error': {
        log().error(
          { event: 'reply_logic_failed', attempt: message.replyAttempts, error: thought.error },
          'reply logic failed',
        );
        if (message.replyAttempts >= maxReplyAttempts) return fail(message, thought.error);
        const policy = message.isUrgent ? urgentPolicy(dependencies.policy) : dependencies.policy;
        const delayMs = backoffMs(policy, message.replyAttempts, dependencies.random());
        return release(message, delayMs, { error: thought.error });
      }
    }
  }

  /**
   * The slot is held from before the plan, so that an attempt stored as begun begins at once, to the answer to the last
   * call: what is then to be written down keeps no other message from being sent.
   */
  async function send(
    message: ClaimedMessage,
    account: ServedAccount,
    thought: Thoughts | undefined,
  ): Promise<End> {
    const slots = sendSlots.get(account.appId) ?? createSlots(dependencies.sendConcurrency);
    sendSlots.set(account.appId, slots);
    await slots.acquire(1, message.isUrgent);
    let isHeld = true;
    const letGo = () => {
      if (isHeld) slots.release();
      isHeld = false;
    };
    try {
      await sendRate.admit(account);
      if (!thought) return await sendAll(message, account, message.deliveries, undefined, letGo);
      const { id: messageId, workerId } = message;
      const payloads = thought.replies.map(toWire);
      const startFirst = await canStartAtOnce(message, account, payloads);
      const askedAt = now();
      const planned = await plan({ messageId, workerId, payloads, startFirst, note: thought.cut });
      if (planned.kind === 'lost') return 'lost';
      return await sendAll(message, account, planned.deliveries, startFirst ? askedAt : undefined, letGo);
    } finally {
      letGo();
    }
  }

  async function sendAll(
    message: ClaimedMessage,
    account: ServedAccount,
    deliveries: readonly OpenDelivery[],
    firstAskedAt: number | undefined,
    onLastCall: () => void,
  ): Promise<End> {
    for (const [index, delivery] of deliveries.entries()) {
      const askedAt = index === 0 ? firstAskedAt : undefined;
      if (index > 0) await sendRate.admit(account);
      if (signals.drain.aborted && askedAt === undefined) return release(message, 0, {});
      const last = index === deliveries.length - 1;
      const end = await deliver(message, delivery, { account, askedAt, last, onLastCall });
      switch (end.kind) {
        case 'final':
          break;
        case 'final-with-rest': {
          // There is no rest, and the message is settled.
          if (last) break;
          const errmsg = `not tried: reply ${delivery.position} failed with ${end.errcode ?? end.errmsg}`;
          await settleRest({
            messageId: message.id,
            workerId: message.workerId,
            status: end.status,
            errcode: end.errcode,
            errmsg,
          });
          return settle(message);
        }
        case 'later':
          return release(message, end.delayMs, {});
        case 'paused':
          return release(message, pausedDelayMs, {});
        case 'lost':
          return 'lost';
      }
    }
    observeSettled(message);
    return 'settled';
  }

  /** Whether the first attempt follows the plan with nothing between that takes long or may fail. */
  async function canStartAtOnce(
    message: ClaimedMessage,
    account: ServedAccount,
    [first]: readonly WirePayload[],
  ): Promise<boolean> {
    if (signals.drain.aborted || !first || hasMediaSource(first)) return false;
    if (dependencies.pauses.isPaused(account.appId) && !message.isProbe) return false;
    return tokens.get(account).then(
      () => true,
      () => false,
    );
  }

  async function settle(message: ClaimedMessage, note?: string): Promise<End> {
    observeSettled(message);
    await finish({ ...claimOf(message), end: { kind: 'settled' }, error: note });
    return 'settled';
  }

  async function fail(message: ClaimedMessage, error: string): Promise<End> {
    dependencies.log.error(
      {
        event: 'message_failed',
        request_id: message.requestId,
        app_id: message.appId,
        message_id: message.id,
        error,
      },
      'message failed',
    );
    await finish({ ...claimOf(message), end: { kind: 'failed' }, error });
    return 'settled';
  }

  async function release(
    message: ClaimedMessage,
    delayMs: number,
    { refundAttempt = false, error }: { refundAttempt?: boolean; error?: string },
  ): Promise<End> {
    const end = { kind: 'released', delayMs, refundAttempt } as const;
    await finish({ ...claimOf(message), end, error });
    return 'released';
  }

  /** A setting is wrong or late: nothing is lost by waiting for it, up to the end of the longest reply window. */
  async function awaitAccount(message: ClaimedMessage): Promise<End> {
    const error = `account ${message.appId} is not configured here`;
    const ageMs = dependencies.clock().getTime() - message.receivedAt.getTime();
    if (ageMs > longestWindowMs) return fail(message, error);
    dependencies.log.error(
      { event: 'account_unknown', app_id: message.appId, message_id: message.id },
      error,
    );
    return release(message, accountProbeMs, { error, refundAttempt: message.status === 'received' });
  }

  function observeSettled({ appId, receivedAt }: ClaimedMessage): void {
    const seconds = (dependencies.clock().getTime() - receivedAt.getTime()) / 1_000;
    dependencies.metrics.replySeconds.observe({ account: appId }, Math.max(0, seconds));
  }

  return { answer, inHand };
}

function claimOf({ id, workerId, claimedAt }: ClaimedMessage): Omit<Finish, 'end' | 'error'> {
  return { messageId: id, workerId, claimedAt };
}
