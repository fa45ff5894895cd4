/** A counting semaphore: what does not fit waits its turn, the urgent before all others, each kind in order. */
export interface Slots {
  /** Takes `count` slots (at most all there are), waiting until they are free together. */
  acquire(count?: number, isUrgent?: boolean): Promise<void>;
  release(count?: number): void;
  readonly inUse: number;
}

interface Waiting {
  count: number;
  start(): void;
}

export function createSlots(total: number): Slots {
  let inUse = 0;
  const urgent: Waiting[] = [];
  const others: Waiting[] = [];

  function admit(): void {
    for (;;) {
      const queue = urgent.length > 0 ? urgent : others;
      const first = queue[0];
      if (!first || inUse + first.count > total) return;
      queue.shift();
      inUse += first.count;
      first.start();
    }
  }

  return {
    acquire(count = 1, isUrgent = false) {
      return new Promise((resolve) => {
        (isUrgent ? urgent : others).push({ count: Math.min(count, total), start: resolve });
        admit();
      });
    },
    release(count = 1) {
      inUse -= Math.min(count, total);
      admit();
    },
    get inUse() {
      return inUse;
    },
  };
}
