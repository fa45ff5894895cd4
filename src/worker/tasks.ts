import type { Task } from 'graphile-worker';
import { z } from 'zod';
import type { Slots } from '../lib/slots.js';
import type { ClaimedMessage } from '../outbox/claim.js';

export interface AnswerTaskDependencies {
  claim(ids: readonly string[]): Promise<ClaimedMessage[]>;
  /** One for each message being answered. */
  slots: Slots;
  /** Messages claimed by one statement. */
  maxClaim: number;
  /** Answers a message and gives its slot back when done. */
  take(message: ClaimedMessage): void;
  drain: AbortSignal;
  /** Milliseconds that never run backwards. */
  now(): number;
}

/** Longer than room is waited for while messages come and go as they should. */
const patienceMs = 500;

const payloadShape = z.object({ ids: z.array(z.string().regex(/^\d+$/)) });

/**
 * The job `answer`: its messages are claimed as soon as there is room for them, and then the job is done. From there
 * on the claim, not the job, is what a crash leaves behind and another worker picks up; so a slow reply holds up no
 * job, and a job that is lost or run twice does no harm.
 *
 * Where room is scarce, because the reply logic is slow, a job takes what it waited for and puts the rest back: the few
 * loops that run jobs must come round to those of short reply windows, which have priority.
 */
export function createAnswerTask(dependencies: AnswerTaskDependencies): Task {
  const { claim, slots, maxClaim, take, drain, now } = dependencies;
  return async (payload, { addJob, job }) => {
    const { ids } = payloadShape.parse(payload);
    const putBack = (rest: readonly string[]) =>
      addJob('answer', { ids: rest }, { priority: job.priority, runAt: job.run_at });
    const isUrgent = job.priority < 0;
    for (let from = 0; from < ids.length; from += maxClaim) {
      const wanted = ids.slice(from, from + maxClaim);
      const askedAt = now();
      await slots.acquire(wanted.length, isUrgent);
      if (drain.aborted) {
        slots.release(wanted.length);
        await putBack(ids.slice(from));
        return;
      }
      let claimed: ClaimedMessage[] = [];
      try {
        claimed = await claim(wanted);
      } finally {
        slots.release(wanted.length - claimed.length);
      }
      for (const message of claimed) take(message);
      const rest = ids.slice(from + maxClaim);
      if (!isUrgent && rest.length > 0 && now() - askedAt > patienceMs) {
        await putBack(rest);
        return;
      }
    }
  };
}
