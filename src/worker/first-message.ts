import type { Logger } from '../observe/log.js';
import { type Part, type Tracing, traceIdOf } from '../observe/tracing.js';
import type { HeldLane, OpenMessage } from '../outbox/lane.js';
import type { Merge, MergeResult } from '../outbox/merge.js';
import type { RunReplies, ServedAccount } from '../replies/run.js';
import type { SendReply, Thought } from '../sending/reply.js';
import { toWire } from '../wechat/out/reply.js';
import { createHandoverWork, type HandoverDependencies, type HandoverWork } from './handover.js';
import {
  type LaneEnds,
  type LaneEndsDependencies,
  longestWindowMs,
  type Next,
  restingMs,
} from './lane-ends.js';

export interface FirstMessageDependencies extends LaneEndsDependencies, HandoverDependencies {
  accounts: ReadonlyMap<string, ServedAccount>;
  runReplies: RunReplies;
  merge(merge: Merge): Promise<MergeResult>;
  sendReply: SendReply;
  tracing: Pick<Tracing, 'within'>;
  isPaused(appId: string): boolean;
  /** Aborted when nothing new may begin. */
  drain: AbortSignal;
}

/** Has the first message of a lane answered: runs its reply logic, unless its replies are stored already, and sends them. */
export function createFirstMessageWork(
  dependencies: FirstMessageDependencies,
  ends: LaneEnds,
): (lane: HeldLane) => Promise<Next> {
  const { settle, fail, release, awaitAccount } = ends;
  const { accounts, runReplies, merge, isPaused, clock, log, tracing, drain } = dependencies;
  const handover = createHandoverWork(dependencies, ends);
  const send = createSend(dependencies, ends);
  const follow = createFollow({ ends, send, handover, clock });
  return workOnFirst;

  async function workOnFirst(lane: HeldLane): Promise<Next> {
    const { message } = lane;
    if (drain.aborted) return release(lane, 0);
    // Only duplicates came, which made the lane.
    if (!message) return settle({ lane, status: 'settled' });
    const handedOver = handover.concerns(lane, message) && (await handover.workOn(lane, message));
    if (handedOver) return handedOver;
    const account = accounts.get(lane.appId);
    if (!account) return awaitAccount(lane, message);
    if (message.isPlanned) {
      if (message.deliveries.length === 0) return settle({ lane, status: 'settled' });
      return send(lane, message, account, undefined);
    }
    if (!lane.isProbe && isPaused(lane.appId) && isOverdue(message, clock()))
      return fail(lane, message, 'the reply window ended while the account rested');
    if (account.mergeWithinMs > 0 && !message.isGathered) return gather(lane, account);
    return think(lane, message, account);
  }

  /** Waits for what the user may still be writing, and then looks again, at what is answered together. */
  async function gather(lane: HeldLane, { mergeWithinMs }: ServedAccount): Promise<Next> {
    const result = await merge({ lane, withinMs: mergeWithinMs });
    return result.kind === 'wait' ? release(lane, result.forMs) : 'look';
  }

  async function think(lane: HeldLane, message: OpenMessage, account: ServedAccount): Promise<Next> {
    const about = () =>
      log.child({
        request_id: message.requestId,
        trace_id: traceIdOf(message.traceparent),
        app_id: lane.appId,
        message_id: message.id,
      });
    const thought = await tracing.within(replyLogic, () => runReplies(lane, message, account, about));
    return follow({ lane, message, account, about }, thought);
  }
}

type Outcome = Awaited<ReturnType<RunReplies>>;

/** As a trace has it. What went wrong is told in the log, for it may hold what a user wrote. */
const replyLogic: Part<Outcome> = {
  name: 'reply logic',
  kind: 'internal',
  attributes: () => ({}),
  conclude: (thought) => ({
    attributes: {
      'wechat_outbox.outcome': thought.kind,
      ...(thought.kind === 'replies' ? { 'wechat_outbox.replies': thought.replies.length } : {}),
    },
    error: thought.kind === 'error' || thought.kind === 'refused' ? thought.kind : undefined,
  }),
};

type Send = (
  lane: HeldLane,
  message: OpenMessage,
  account: ServedAccount,
  thought: Thought | undefined,
) => Promise<Next>;

interface Asked {
  lane: HeldLane;
  message: OpenMessage;
  account: ServedAccount;
  about(): Logger;
}

/** Does what the run of the reply logic came to. */
function createFollow({
  ends: { settle, fail, retry, release },
  send,
  handover,
  clock,
}: {
  ends: LaneEnds;
  send: Send;
  handover: Pick<HandoverWork, 'askForPerson'>;
  clock: () => Date;
}): (asked: Asked, thought: Outcome) => Promise<Next> {
  return async ({ lane, message, account, about }, thought) => {
    switch (thought.kind) {
      case 'replies': {
        const { replies, cut, note = cut, handOver } = thought;
        if (cut) about().warn({ event: 'reply_cut', reason: cut }, 'reply cut');
        if (replies.length === 0 && handOver !== undefined) return handover.askForPerson(lane, handOver);
        if (replies.length === 0) return settle({ lane, status: 'settled', error: note });
        return send(lane, message, account, { payloads: replies.map(toWire), note, handOver });
      }
      case 'refused':
        return fail(lane, message, thought.problem);
      case 'lost':
        return 'done';
      case 'deferred':
        return release(lane, Math.max(1, thought.until.getTime() - clock().getTime()));
      case 'stopped':
        return release(lane, 0);
      case 'error': {
        const { error, outage } = thought;
        about().error(
          { event: 'reply_logic_failed', attempt: lane.failures + 1, error },
          'reply logic failed',
        );
        return retry(lane, message, error, outage);
      }
    }
  };
}

function createSend(
  { sendReply }: Pick<FirstMessageDependencies, 'sendReply'>,
  { release, observeSettled }: LaneEnds,
): Send {
  return async (lane, message, account, thought) => {
    const end = await sendReply(lane, message, account, thought);
    switch (end.kind) {
      case 'settled':
        if (end.result !== 'refused') observeSettled(lane, message);
        return end.result === 'gone' ? 'done' : 'look';
      case 'later':
        return release(lane, end.delayMs);
      case 'paused':
        return release(lane, restingMs);
      case 'stopped':
        return release(lane, 0);
      case 'lost':
        return 'look';
    }
  };
}

/** Let through a pause only to be ended: the reply logic is not run for what nobody may be sent. */
function isOverdue({ windowEndsAt, receivedAt }: OpenMessage, now: Date): boolean {
  return (windowEndsAt?.getTime() ?? receivedAt.getTime() + longestWindowMs) <= now.getTime();
}
