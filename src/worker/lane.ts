import { describeError } from '../lib/describe-error.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { HeldLane, OpenMessage } from '../outbox/lane.js';
import type { Release } from '../outbox/release.js';
import type { Settlement, SettleResult } from '../outbox/settle.js';
import type { RunReplies, ServedAccount } from '../replies/run.js';
import type { SendReply, Thought } from '../sending/reply.js';
import { backoffMs, type RetryPolicy, urgentPolicy } from '../sending/retry-policy.js';
import { toWire } from '../wechat/out/reply.js';
import { givenUp } from './give-up.js';

export interface LaneWorkDependencies {
  accounts: ReadonlyMap<string, ServedAccount>;
  runReplies: RunReplies;
  sendReply: SendReply;
  look(lane: HeldLane): Promise<HeldLane | undefined>;
  settle(settlement: Settlement): Promise<SettleResult>;
  release(release: Release): Promise<boolean>;
  isPaused(appId: string): boolean;
  policy: RetryPolicy;
  random: () => number;
  clock: () => Date;
  log: Logger;
  metrics: Metrics;
  /** Aborted when nothing new may begin. */
  drain: AbortSignal;
}

/** How long an account that is not configured here is waited for, before another look. */
const unknownAccountMs = 5 * 60_000;

/** What a lane of an account that rests waits before it is looked at again, should nobody wake it. */
const restingMs = 200;

/** Times that the reply logic may fail for one message before it is given up. */
const maxFailures = 5;

const longestWindowMs = 48 * 3_600_000;

/** `look`: the lane may hold more. `done`: it is gone, given back, or another worker's. */
type Next = 'look' | 'done';

/** Works on a lane that is held: on its messages one after another, until none is left or the lane is given back. */
export type WorkOnLane = (lane: HeldLane) => Promise<void>;

export function createLaneWork(dependencies: LaneWorkDependencies): WorkOnLane {
  const { accounts, runReplies, sendReply, look, policy, random, clock, log, metrics, drain } = dependencies;

  return async (first) => {
    for (let lane: HeldLane | undefined = first; lane; ) {
      const next: Next = await workOnFirst(lane).catch((error) => breakOff(lane as HeldLane, error));
      lane = next === 'look' ? await look(lane) : undefined;
    }
  };

  async function workOnFirst(lane: HeldLane): Promise<Next> {
    const { message } = lane;
    if (drain.aborted) return release(lane, 0);
    // Only duplicates came, which made the lane.
    if (!message) return settle({ lane, status: 'settled' });
    const account = accounts.get(lane.appId);
    if (!account) return awaitAccount(lane, message);
    if (message.isPlanned) {
      if (message.deliveries.length === 0) return settle({ lane, status: 'settled' });
      return send(lane, message, account, undefined);
    }
    if (isOverdue(lane, message))
      return fail(lane, message, 'the reply window ended while the account rested');
    return think(lane, message, account);
  }

  /** Let through a pause only to be ended: the reply logic is not run for what nobody may be sent. */
  function isOverdue({ appId, isProbe }: HeldLane, { windowEndsAt, receivedAt }: OpenMessage): boolean {
    const endsAt = windowEndsAt?.getTime() ?? receivedAt.getTime() + longestWindowMs;
    return !isProbe && dependencies.isPaused(appId) && endsAt <= clock().getTime();
  }

  async function think(lane: HeldLane, message: OpenMessage, account: ServedAccount): Promise<Next> {
    const about = () =>
      log.child({ request_id: message.requestId, app_id: lane.appId, message_id: message.id });
    const thought = await runReplies(lane, message, account, about);
    switch (thought.kind) {
      case 'replies': {
        const { replies, cut } = thought;
        if (cut) about().warn({ event: 'reply_cut', reason: cut }, 'reply cut');
        if (replies.length === 0) return settle({ lane, status: 'settled', error: cut });
        return send(lane, message, account, { payloads: replies.map(toWire), note: cut });
      }
      case 'refused':
        return fail(lane, message, thought.problem);
      case 'lost':
        return 'done';
      case 'stopped':
        return release(lane, 0);
      case 'error': {
        const { error } = thought;
        about().error(
          { event: 'reply_logic_failed', attempt: lane.failures + 1, error },
          'reply logic failed',
        );
        return retry(lane, message, error);
      }
    }
  }

  async function send(
    lane: HeldLane,
    message: OpenMessage,
    account: ServedAccount,
    thought: Thought | undefined,
  ): Promise<Next> {
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
  }

  async function settle(settlement: Settlement): Promise<Next> {
    const result = await dependencies.settle(settlement);
    const { lane } = settlement;
    if (result !== 'refused' && lane.message) observeSettled(lane, lane.message);
    return result === 'gone' ? 'done' : 'look';
  }

  function fail(lane: HeldLane, message: OpenMessage, error: string): Promise<Next> {
    log.error(
      {
        event: 'message_failed',
        request_id: message.requestId,
        app_id: lane.appId,
        message_id: message.id,
        error,
      },
      'message failed',
    );
    return settle({ lane, status: 'failed', error });
  }

  async function retry(lane: HeldLane, message: OpenMessage, error: string): Promise<Next> {
    const failures = lane.failures + 1;
    if (failures >= maxFailures) return fail(lane, message, error);
    const rules = message.isUrgent ? urgentPolicy(policy) : policy;
    return release(lane, backoffMs(rules, failures, random()), error);
  }

  async function release(lane: HeldLane, delayMs: number, failure?: string): Promise<Next> {
    await dependencies.release({ laneId: lane.laneId, claim: lane.claim, delayMs, failure });
    return 'done';
  }

  /** A setting is wrong or late: nothing is lost by waiting for it, up to the end of the longest reply window. */
  async function awaitAccount(lane: HeldLane, message: OpenMessage): Promise<Next> {
    const error = `account ${lane.appId} is not configured here`;
    log.error({ event: 'account_unknown', app_id: lane.appId, message_id: message.id }, error);
    const ageMs = clock().getTime() - message.receivedAt.getTime();
    if (ageMs <= longestWindowMs) return release(lane, unknownAccountMs);
    return settle(givenUp(lane, message, { status: 'expired', problem: error, at: clock() }));
  }

  /**
   * Whatever nobody foresaw counts as a failure of the message that was worked on, so that it neither blocks its conversation for
   * ever nor is sent again and again. What is on record by now is looked at anew: the failure may have come behind it.
   */
  async function breakOff(lane: HeldLane, error: unknown): Promise<Next> {
    log.error(
      { event: 'answer_broken_off', app_id: lane.appId, message_id: lane.message?.id, err: error },
      'answer broken off',
    );
    if (drain.aborted) return release(lane, restingMs);
    const current = await look(lane);
    if (!current) return 'done';
    const { message } = current;
    if (!message) return release(current, restingMs);
    if (message.id !== lane.message?.id) return 'look';
    const problem = `broken off: ${describeError(error)}`;
    if (!message.isPlanned) return retry(current, message, problem);
    const failures = current.failures + 1;
    if (failures < maxFailures) return release(current, backoffMs(policy, failures, random()), problem);
    return settle(givenUp(current, message, { status: 'failed', problem, at: clock() }));
  }

  function observeSettled({ appId }: HeldLane, { receivedAt }: OpenMessage): void {
    const seconds = (clock().getTime() - receivedAt.getTime()) / 1_000;
    metrics.replySeconds.observe({ account: appId }, Math.max(0, seconds));
  }
}
