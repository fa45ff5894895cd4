import type { Task } from 'graphile-worker';
import { z } from 'zod';
import type { ClaimedMessage } from '../outbox/claim.js';
import type { Slots } from './slots.js';

export interface AnswerTaskDependencies {
  claim(ids: readonly string[]): Promise<ClaimedMessage[]>;
  /** One for each message being answered. */
  slots: Slots;
  /** Messages claimed by one statement. */
  maxClaim: number;
  /** Answers a message and gives its slot back when done. */
  take(message: ClaimedMessage): void;
  drain: AbortSignal;
}

const payloadShape = z.object({ ids: z.array(z.string().regex(/^\d+$/)) });

/**
 * The job `answer`: its messages are claimed as soon as there is room for them, and then the job is done. From there
 * on the claim, not the job, is what a crash leaves behind and another worker picks up; so a slow reply holds up no
 * job, and a job that is lost or run twice does no harm.
 */
export function createAnswerTask({ claim, slots, maxClaim, take, drain }: AnswerTaskDependencies): Task {
  return async (payload, { addJob }) => {
    const { ids } = payloadShape.parse(payload);
    for (let from = 0; from < ids.length; from += maxClaim) {
      const wanted = ids.slice(from, from + maxClaim);
      await slots.acquire(wanted.length);
      if (drain.aborted) {
        slots.release(wanted.length);
        await addJob('answer', { ids: ids.slice(from) });
        return;
      }
      let claimed: ClaimedMessage[] = [];
      try {
        claimed = await claim(wanted);
      } finally {
        slots.release(wanted.length - claimed.length);
      }
      for (const message of claimed) take(message);
    }
  };
}
