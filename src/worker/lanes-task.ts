import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from 'graphile-worker';
import { z } from 'zod';
import type { Slots } from '../lib/slots.js';
import type { HeldLane } from '../outbox/lane.js';
import type { Shares } from './shares.js';

export interface LanesTaskDependencies {
  /** Claims lanes and looks at them. `busy`: locked for a moment, to be asked for again. */
  claim(laneIds: readonly string[]): Promise<{ lanes: HeldLane[]; busy: string[] }>;
  /** One for each lane that is worked on. */
  slots: Slots;
  shares: Pick<Shares, 'reserve' | 'claimed'>;
  /** Lanes claimed by one statement. */
  maxClaim: number;
  /** Works on a lane and gives its slot back when done. */
  take(lane: HeldLane): void;
  drain: AbortSignal;
}

/** How long a job waits for room. Then it makes way: a job of short reply windows may have come, which goes first. */
const patienceMs = 200;

/** A lane that is locked is so for the length of a statement, as a rule. */
const busyPauseMs = 20;
const busyTries = 3;
/** Where it is not (an operator's open transaction), the job is put back. */
const busyAgainMs = 500;

const payloadShape = z.object({ ids: z.array(z.string().regex(/^\d+$/)) });

/**
 * The job `lanes`: its lanes are claimed as soon as there is room for them, and then the job is done. From there on the claim,
 * not the job, is what a crash leaves behind and another worker picks up; so a slow reply holds up no job, and a job that is
 * lost or run twice does no harm.
 *
 * Where room is scarce, because the reply logic or an account is slow, a job takes what there is and puts the rest back: the few loops that
 * run jobs must come round to those of short reply windows, which have priority.
 */
export function createLanesTask({
  claim,
  slots,
  shares,
  maxClaim,
  take,
  drain,
}: LanesTaskDependencies): Task {
  /**
   * Room for so many lanes, or fewer, in this worker and beside what the accounts have in hand. What is urgent finds it beyond their
   * shares.
   */
  async function findRoom(lanes: number, isUrgent: boolean): Promise<number> {
    const room = await slots.acquireSome(Math.min(maxClaim, lanes), { patienceMs, isUrgent });
    if (room === 0 || isUrgent || (await shares.reserve(room, patienceMs))) return room;
    slots.release(room);
    return 0;
  }

  function giveBack(room: number, isUrgent: boolean): void {
    slots.release(room);
    if (room > 0 && !isUrgent) shares.claimed(room);
  }

  /** @returns those that are to be asked for again */
  async function claimAndTake(wanted: readonly string[], isUrgent: boolean): Promise<string[]> {
    const room = wanted.length;
    let taken = 0;
    try {
      const { lanes, busy } = await claim(wanted);
      taken = lanes.length;
      for (const lane of lanes) take(lane);
      return busy;
    } finally {
      if (!isUrgent) shares.claimed(room);
      slots.release(room - taken);
    }
  }

  return async (payload, { addJob, job }) => {
    const putBack = (ids: readonly string[], runAt: Date) =>
      addJob('lanes', { ids }, { priority: job.priority, runAt });
    let waiting = payloadShape.parse(payload).ids;
    const isUrgent = job.priority < 0;
    let tries = 0;
    while (waiting.length > 0) {
      const busy: string[] = [];
      while (waiting.length > 0) {
        const room = await findRoom(waiting.length, isUrgent);
        if (room === 0 || drain.aborted) {
          giveBack(room, isUrgent);
          await putBack([...waiting, ...busy], job.run_at);
          return;
        }
        busy.push(...(await claimAndTake(waiting.slice(0, room), isUrgent)));
        waiting = waiting.slice(room);
      }
      waiting = busy;
      if (busy.length === 0) return;
      if (tries >= busyTries) {
        await putBack(busy, new Date(Date.now() + busyAgainMs));
        return;
      }
      tries += 1;
      await sleep(busyPauseMs);
    }
  };
}
