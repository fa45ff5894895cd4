import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { traceIdOf } from '../observe/tracing.js';
import type { HeldLane, OpenMessage } from '../outbox/lane.js';
import type { Release } from '../outbox/release.js';
import type { Settlement, SettleResult } from '../outbox/settle.js';
import { backoffMs, type RetryPolicy, urgentPolicy } from '../sending/retry-policy.js';
import { givenUp } from './give-up.js';

export interface LaneEndsDependencies {
  settle(settlement: Settlement): Promise<SettleResult>;
  release(release: Release): Promise<boolean>;
  policy: RetryPolicy;
  random: () => number;
  clock: () => Date;
  log: Logger;
  metrics: Metrics;
}

/** `look`: the lane may hold more. `done`: it is gone, given back, or another worker's. */
export type Next = 'look' | 'done';

/** Every way in which work on the first message of a lane can end. */
export interface LaneEnds {
  settle(settlement: Settlement): Promise<Next>;
  /** The message can never be answered: it is settled as failed. */
  fail(lane: HeldLane, message: OpenMessage, error: string): Promise<Next>;
  /** After a pause, or, when it failed too often, never. `outage`: what the reply logic asks is away, and may ask for a pause. */
  retry(lane: HeldLane, message: OpenMessage, error: string, outage?: Outage): Promise<Next>;
  release(lane: HeldLane, delayMs: number, failure?: string): Promise<Next>;
  /** Its account is none of ours. */
  awaitAccount(lane: HeldLane, message: OpenMessage): Promise<Next>;
  observeSettled(lane: HeldLane, message: OpenMessage): void;
}

interface Outage {
  retryAfterMs: number;
}

/** No service is believed that wants to be left alone for longer. */
const longestRetryAfterMs = 3_600_000;

/** How long an account that is not configured here is waited for, before another look. */
const unknownAccountMs = 5 * 60_000;

/** Times that the reply logic may fail for one message before it is given up. */
export const maxFailures = 5;

/** What a lane of an account that rests waits before it is looked at again, should nobody wake it. */
export const restingMs = 200;

/** Of a reply. */
export const longestWindowMs = 48 * 3_600_000;

export function createLaneEnds(dependencies: LaneEndsDependencies): LaneEnds {
  const { policy, random, clock, log, metrics } = dependencies;

  return { settle, fail, retry, release, awaitAccount, observeSettled };

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
        trace_id: traceIdOf(message.traceparent),
        app_id: lane.appId,
        message_id: message.id,
        error,
      },
      'message failed',
    );
    return settle({ lane, status: 'failed', error });
  }

  async function retry(lane: HeldLane, message: OpenMessage, error: string, outage?: Outage): Promise<Next> {
    const failures = lane.failures + 1;
    if (failures >= (outage ? policy.maxFailures : maxFailures)) return fail(lane, message, error);
    const rules = message.isUrgent ? urgentPolicy(policy) : policy;
    const asked = Math.min(outage?.retryAfterMs ?? 0, longestRetryAfterMs);
    const delayMs = asked + backoffMs(rules, failures, random());
    const leftMs = (message.windowEndsAt?.getTime() ?? Number.POSITIVE_INFINITY) - clock().getTime();
    if (outage && delayMs >= leftMs)
      return fail(lane, message, `${error}; the reply window ends before the next try`);
    return release(lane, delayMs, error);
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

  function observeSettled({ appId }: HeldLane, { receivedAt }: OpenMessage): void {
    const seconds = (clock().getTime() - receivedAt.getTime()) / 1_000;
    metrics.replySeconds.observe({ account: appId }, Math.max(0, seconds));
  }
}
