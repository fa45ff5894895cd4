import type { Task } from 'graphile-worker';
import { createSlots } from '../lib/slots.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { HeldLane, Hold } from '../outbox/lane.js';
import type { WorkOnLane } from './lane.js';
import { createLanesTask } from './lanes-task.js';
import type { Statements } from './statements.js';

/** The lanes that this process works on now. */
export interface Hands {
  /** The job `lanes`, which takes lanes in hand. */
  task(session: { readonly workerId: number }): Task;
  has(hold: Hold): boolean;
  readonly size: number;
  /** Resolves when none is in hand. */
  idle(): Promise<void>;
}

export interface HandsDependencies {
  workOn: WorkOnLane;
  claim: Statements['claim'];
  maxInFlight: number;
  log: Logger;
  metrics: Pick<Metrics, 'inFlight'>;
  /** Aborted when no more may be taken. */
  drain: AbortSignal;
}

export function createHands({ workOn, claim, maxInFlight, log, metrics, drain }: HandsDependencies): Hands {
  const slots = createSlots(maxInFlight);
  /** By claim and lane. */
  const inHand = new Map<string, Promise<void>>();
  const key = ({ laneId, claim }: Hold) => `${claim} ${laneId}`;

  function take(lane: HeldLane): void {
    metrics.inFlight.inc();
    const done = workOn(lane)
      .catch((error) =>
        log.error({ event: 'lane_broken_off', lane_id: lane.laneId, err: error }, 'lane broken off'),
      )
      .finally(() => {
        inHand.delete(key(lane));
        slots.release();
        metrics.inFlight.dec();
      });
    inHand.set(key(lane), done);
  }

  return {
    task: (session) =>
      createLanesTask({
        claim: (laneIds) => claim(laneIds, session.workerId),
        slots,
        maxClaim: Math.min(50, maxInFlight),
        take,
        drain,
      }),
    has: (hold) => inHand.has(key(hold)),
    get size() {
      return inHand.size;
    },
    async idle() {
      await Promise.all(inHand.values());
    },
  };
}
