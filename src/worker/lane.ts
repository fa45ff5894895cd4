import { describeError } from '../lib/describe-error.js';
import type { Tracing } from '../observe/tracing.js';
import type { HeldLane } from '../outbox/lane.js';
import { backoffMs } from '../sending/retry-policy.js';
import { createFirstMessageWork, type FirstMessageDependencies } from './first-message.js';
import { givenUp } from './give-up.js';
import { createLaneEnds, maxFailures, type Next, restingMs } from './lane-ends.js';

export interface LaneWorkDependencies extends FirstMessageDependencies {
  look(lane: HeldLane): Promise<HeldLane | undefined>;
  tracing: Tracing;
}

/** Works on a lane that is held: on its messages one after another, until none is left or the lane is given back. */
export type WorkOnLane = (lane: HeldLane) => Promise<void>;

export function createLaneWork(dependencies: LaneWorkDependencies): WorkOnLane {
  const { look, policy, random, clock, log, tracing, drain } = dependencies;
  const ends = createLaneEnds(dependencies);
  const { settle, retry, release } = ends;
  const workOnFirst = createFirstMessageWork(dependencies, ends);

  return async (first) => {
    for (let lane: HeldLane | undefined = first; lane; ) {
      const held: HeldLane = lane;
      const next: Next = await tracing
        .work(
          held.message,
          () => attributesOf(held),
          () => workOnFirst(held),
        )
        .catch((error) => breakOff(held, error));
      lane = next === 'look' ? await look(held) : undefined;
    }
  };

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
}

/** Of a run that follows another, what made it necessary. */
function attributesOf({ appId, failures, crashes, message }: HeldLane) {
  return {
    'wechat.app_id': appId,
    'wechat_outbox.failures': failures,
    'wechat_outbox.crashes': crashes,
    'wechat_outbox.is_planned': message?.isPlanned ?? false,
  };
}
