/** Something that is tried again later. */
export interface Aside {
  /** Tries so far that failed for it alone. */
  tries: number;
  /** When it is tried again, by performance.now(). */
  dueAt: number;
}

/** What waits for its time, apart from all that does not have to. */
export interface SetAside<Entry extends Aside> {
  add(entries: readonly Entry[]): void;
  /** Has all of it tried at once. */
  hurry(): void;
  readonly size: number;
}

/**
 * @param flush tries some whose time has come; called again only when it is done
 * @param most how many of them at once
 */
export function createSetAside<Entry extends Aside>(
  flush: (due: Entry[]) => Promise<void>,
  most: () => number,
): SetAside<Entry> {
  let entries: Entry[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isUnderWay = false;

  function schedule(): void {
    if (isUnderWay || entries.length === 0) return;
    clearTimeout(timer);
    const nextAt = entries.reduce((soonest, { dueAt }) => Math.min(soonest, dueAt), Number.POSITIVE_INFINITY);
    timer = setTimeout(() => void flushDue(), Math.max(0, nextAt - performance.now()));
  }

  async function flushDue(): Promise<void> {
    const now = performance.now();
    // Those that were looked at least first, so that each has its turn.
    const due = entries
      .filter(({ dueAt }) => dueAt <= now)
      .sort((left, right) => left.tries - right.tries)
      .slice(0, most());
    const taken = new Set(due);
    entries = entries.filter((entry) => !taken.has(entry));
    isUnderWay = true;
    await flush(due);
    isUnderWay = false;
    schedule();
  }

  return {
    add(more) {
      entries.push(...more);
      schedule();
    },
    hurry() {
      for (const entry of entries) entry.dueAt = 0;
      schedule();
    },
    get size() {
      return entries.length;
    },
  };
}
