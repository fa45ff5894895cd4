/** A counting semaphore: what does not fit waits its turn, first come, first served. */
export interface Slots {
  /** Takes `count` slots (at most all there are), waiting until they are free together. */
  acquire(count?: number): Promise<void>;
  release(count?: number): void;
  readonly inUse: number;
}

export function createSlots(total: number): Slots {
  let inUse = 0;
  const waiting: { count: number; start(): void }[] = [];

  function admit(): void {
    for (let first = waiting[0]; first && inUse + first.count <= total; first = waiting[0]) {
      waiting.shift();
      inUse += first.count;
      first.start();
    }
  }

  return {
    acquire(count = 1) {
      return new Promise((resolve) => {
        waiting.push({ count: Math.min(count, total), start: resolve });
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
