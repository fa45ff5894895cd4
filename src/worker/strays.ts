import type { Hold } from '../outbox/lane.js';

export interface StraysDependencies {
  /** What this worker holds by the database, for at least so many seconds. */
  heldBy(workerId: number, seconds: number): Promise<Hold[]>;
  workerId(): number;
  isInHand(hold: Hold): boolean;
  /** Gives the lane back, for anybody to take it up. */
  release(hold: Hold): Promise<unknown>;
}

/** Longer than any statement lasts: a claim of that age, of which this process knows nothing, will not become known. */
const lostAfterSeconds = 30;

/**
 * Gives back lanes that are this worker's by the database, and unknown to it: nobody would ever work on them. A claim whose
 * answer was lost is asked for again under its number, so that takes a failure that nobody foresaw. Should one become known at
 * this very moment, the fence sees to it that its worker learns that it lost the lane.
 *
 * @returns how many lanes were given back
 */
export async function returnStrays(dependencies: StraysDependencies): Promise<number> {
  const { heldBy, workerId, isInHand, release } = dependencies;
  const held = await heldBy(workerId(), lostAfterSeconds);
  const strays = held.filter((hold) => !isInHand(hold));
  for (const stray of strays) await release(stray);
  return strays.length;
}
