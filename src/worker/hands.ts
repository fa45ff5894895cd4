import type { Task } from 'graphile-worker';
import { createSlots } from '../lib/slots.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Tracing } from '../observe/tracing.js';
import type { HeldLane, Hold } from '../outbox/lane.js';
import type { WorkOnLane } from './lane.js';
import { createLanesTask } from './lanes-task.js';
import { createShares } from './shares.js';
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
  release: Statements['release'];
  maxInFlight: number;
  /** Of one account. */
  maxOfAccount: number;
  /** Whether one account is all that is served. */
  isAlone: boolean;
  /** Milliseconds that never run backwards. */
  now(): number;
  log: Logger;
  metrics: Pick<Metrics, 'inFlight'>;
  tracing: Pick<Tracing, 'noteClaim'>;
  /** Aborted when no more may be taken. */
  drain: AbortSignal;
}

export function createHands(dependencies: HandsDependencies): Hands {
  const { workOn, claim, release, maxInFlight, maxOfAccount, isAlone, now, log, metrics, tracing, drain } =
    dependencies;
  const slots = createSlots(maxInFlight);
  const shares = createShares({ each: maxOfAccount, isAlone, now });
  /** By claim and lane. */
  const inHand = new Map<string, Promise<void>>();
  const key = ({ laneId, claim }: Hold) => `${claim} ${laneId}`;

  /** Works on it, or gives it back where its account has its share in hand; what is urgent is let through. */
  async function handle(lane: HeldLane): Promise<void> {
    const { laneId, claim, appId, message } = lane;
    const hasShare = shares.take(appId);
    if (!hasShare && !message?.isUrgent) {
      await release({ laneId, claim, delayMs: shares.turnMs(appId) });
      return;
    }
    try {
      await workOn(lane);
    } finally {
      if (hasShare) shares.give(appId);
    }
  }

  function take(lane: HeldLane): void {
    metrics.inFlight.inc();
    const done = handle(lane)
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
        claim: async (laneIds) => {
          const startedAt = now();
          const claimed = await claim(laneIds, session.workerId);
          tracing.noteClaim(
            claimed.lanes.flatMap(({ message }) => message ?? []),
            startedAt,
          );
          return claimed;
        },
        slots,
        shares,
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
