/** When leave for an attempt was asked for, by two clocks. */
export interface Leave {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * Leave to write a request is given with the attempt's record, and lasts a part of the time after which a silent worker's lanes
 * are given away. A process that stood still since (stopped, swapped out, cut off from Postgres) must ask again. The monotonic
 * clock stands while the whole machine sleeps, and the other may be set: the larger of both counts.
 */
export interface Leaves {
  /** Call it before the statement: leave is as old as its question. */
  ask(): Leave;
  isFresh(leave: Leave): boolean;
}

export interface LeavesOptions {
  lastsMs: number;
  /** Milliseconds that never run backwards. */
  now(): number;
  clock(): Date;
}

export function createLeaves({ lastsMs, now, clock }: LeavesOptions): Leaves {
  return {
    ask: () => ({ monotonicMs: now(), wallMs: clock().getTime() }),
    isFresh({ monotonicMs, wallMs }) {
      return Math.max(now() - monotonicMs, clock().getTime() - wallMs) <= lastsMs;
    },
  };
}
