/** A counting semaphore: what does not fit waits its turn, the urgent before all others, each kind in order. */
export interface Slots {
  /** Takes a slot, waiting until one is free. */
  acquire(isUrgent?: boolean): Promise<void>;
  /** Takes a slot that is free now and that nobody waits for. */
  tryAcquire(): boolean;
  /**
   * Takes `count` slots as soon as so many are free; those that are free when the patience is over; or none.
   *
   * @returns how many were taken
   */
  acquireSome(count: number, options: { patienceMs: number; isUrgent?: boolean }): Promise<number>;
  release(count?: number): void;
  readonly inUse: number;
}

interface Waiting {
  count: number;
  start(taken: number): void;
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
      first.start(first.count);
    }
  }

  function wait(count: number, isUrgent: boolean, patienceMs: number | undefined): Promise<number> {
    const queue = isUrgent ? urgent : others;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const entry: Waiting = {
        count: Math.min(count, total),
        start(taken) {
          clearTimeout(timer);
          resolve(taken);
        },
      };
      queue.push(entry);
      admit();
      if (patienceMs === undefined || !queue.includes(entry)) return;
      timer = setTimeout(() => {
        queue.splice(queue.indexOf(entry), 1);
        const taken = Math.min(count, total - inUse);
        inUse += taken;
        resolve(taken);
        // It may have kept smaller ones behind it waiting.
        admit();
      }, patienceMs);
    });
  }

  return {
    async acquire(isUrgent = false) {
      await wait(1, isUrgent, undefined);
    },
    tryAcquire() {
      if (inUse >= total || urgent.length > 0 || others.length > 0) return false;
      inUse += 1;
      return true;
    },
    acquireSome: (count, { patienceMs, isUrgent = false }) => wait(count, isUrgent, patienceMs),
    release(count = 1) {
      inUse -= count;
      admit();
    },
    get inUse() {
      return inUse;
    },
  };
}

/** Slots of their own for each key, so many for each: who keeps them all keeps no other from anything. */
export function createSlotsByKey(total: number): (key: string) => Slots {
  const slotsByKey = new Map<string, Slots>();
  return (key) => {
    const slots = slotsByKey.get(key) ?? createSlots(total);
    slotsByKey.set(key, slots);
    return slots;
  };
}
