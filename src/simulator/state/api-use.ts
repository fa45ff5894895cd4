import { shanghaiDay } from './calendar.js';

/** How often each API was called today, by path. */
export interface ApiUse {
  add(path: string): void;
  today(path: string): number;
  clear(): void;
}

export function createApiUse(clock: () => number): ApiUse {
  let day = shanghaiDay(clock());
  const counts = new Map<string, number>();

  function turn(): void {
    const today = shanghaiDay(clock());
    if (today !== day) counts.clear();
    day = today;
  }

  return {
    add(path) {
      turn();
      counts.set(path, (counts.get(path) ?? 0) + 1);
    },
    today(path) {
      turn();
      return counts.get(path) ?? 0;
    },
    clear: () => counts.clear(),
  };
}
