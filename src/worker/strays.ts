import type { Claims, HeldMessage } from '../outbox/claim.js';

export interface StraysDependencies {
  heldBy: Claims['heldBy'];
  workerId(): number;
  isInHand(messageId: string): boolean;
  /** Ends this worker's claim, for anybody to take the message up. */
  release(message: HeldMessage): Promise<unknown>;
}

/**
 * Claims whose answer was lost with a connection: this worker's by the database, and unknown to it. They are given back,
 * or nobody would ever work on them.
 */
export interface Strays {
  /** Runs a statement that claims; until its answer has arrived, what it claims is no stray. */
  claiming<T>(statement: () => Promise<T>): Promise<T>;
  /** @returns how many messages were given back */
  giveBack(): Promise<number>;
}

/** Longer than any statement lasts: a claim of that age, of which this process knows nothing, will not become known. */
const lostAfterSeconds = 22;

export function createStrays({ heldBy, workerId, isInHand, release }: StraysDependencies): Strays {
  let underWay = 0;
  let begun = 0;

  return {
    async claiming(statement) {
      underWay += 1;
      begun += 1;
      try {
        return await statement();
      } finally {
        underWay -= 1;
      }
    },

    /**
     * While claims are under way, a fresh one may be about to become known; so may one that began while Postgres was
     * being asked, and given back it would be worked on twice by this worker: plans and attempts know the worker, not
     * the claim.
     */
    async giveBack() {
      const begunBefore = begun;
      const isQuiet = underWay === 0;
      const held = await heldBy(workerId(), isQuiet ? 0 : lostAfterSeconds);
      if (isQuiet && begun !== begunBefore) return 0;
      const strays = held.filter(({ id }) => !isInHand(id));
      for (const stray of strays) await release(stray);
      return strays.length;
    },
  };
}
