/**
 * What each account may have of the lanes in hand. Lanes are claimed in the order in which they came due, whosever they are: without
 * this, one account that may send but slowly, or whose calls hang, would come to fill all of a worker, and the others would wait
 * behind its backlog.
 *
 * It is also what a backlog of one account is taken up by: no more at once than can think and send, so that a reply finds a slot
 * free as soon as it is stored, and need not be begun by a statement of its own.
 */
export interface Shares {
  /** Takes one of the account's share; false where all are taken. */
  take(appId: string): boolean;
  /** Whoever took one is done. */
  give(appId: string): void;
  /** For a lane that found none: when its turn comes, by the account's pace; in ms. */
  turnMs(appId: string): number;
  /**
   * Reserves room for lanes that are to be claimed, of whichever account they may be: true as soon as they fit beside what a quick
   * account has in hand, false when the patience is over. An account that is slow is not waited for, unless it is the only one.
   */
  reserve(lanes: number, patienceMs: number): Promise<boolean>;
  /** The lanes that room was reserved for are taken, or were not to be had. */
  claimed(lanes: number): void;
}

export interface SharesOptions {
  /** Lanes of one account. */
  each: number;
  /** Whether one account is all that is served: then nobody is held up by it, and it is always waited for. */
  isAlone: boolean;
  /** Milliseconds that never run backwards. */
  now(): number;
}

interface Share {
  taken: number;
  pace: Pace;
  /** Of the last lane that was put off. */
  turnAt: number;
}

interface Waiting {
  lanes: number;
  start(): void;
}

/** An account with fewer lanes done in a second is not waited for: its lanes are put off. */
const quickPerSecond = 50;
const soonestTurnMs = 200;
/** Its pace may have changed by then. */
const latestTurnMs = 10_000;

export function createShares({ each, isAlone, now }: SharesOptions): Shares {
  const shares = new Map<string, Share>();
  const waiting: Waiting[] = [];
  let reserved = 0;

  function shareOf(appId: string): Share {
    const share = shares.get(appId) ?? { taken: 0, pace: createPace(now()), turnAt: 0 };
    shares.set(appId, share);
    return share;
  }

  /** Whether so many more leave every account that is waited for within its share. */
  function fits(lanes: number): boolean {
    for (const { taken, pace } of shares.values()) {
      const isFull = taken > 0 && taken + reserved + lanes > each;
      if (isFull && (isAlone || pace.perSecond(now()) >= quickPerSecond)) return false;
    }
    return true;
  }

  function admit(): void {
    for (let [first] = waiting; first && fits(first.lanes); [first] = waiting) {
      waiting.shift();
      first.start();
    }
  }

  return {
    take(appId) {
      const share = shareOf(appId);
      if (share.taken >= each) return false;
      share.taken += 1;
      return true;
    },

    give(appId) {
      const share = shareOf(appId);
      share.taken -= 1;
      share.pace.count(now());
      admit();
    },

    turnMs(appId) {
      const share = shareOf(appId);
      const current = now();
      const intervalMs = 1_000 / Math.max(1, share.pace.perSecond(current));
      share.turnAt = Math.max(share.turnAt, current + soonestTurnMs) + intervalMs;
      return Math.min(latestTurnMs, share.turnAt - current);
    },

    reserve(lanes, patienceMs) {
      return new Promise((resolve) => {
        const start = () => {
          clearTimeout(timer);
          reserved += lanes;
          resolve(true);
        };
        const entry = { lanes, start };
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(entry), 1);
          resolve(false);
        }, patienceMs);
        waiting.push(entry);
        admit();
      });
    },

    claimed(lanes) {
      reserved -= lanes;
      admit();
    },
  };
}

/** How many a second, over the last ten to twenty seconds. */
interface Pace {
  count(now: number): void;
  perSecond(now: number): number;
}

const spanMs = 10_000;

function createPace(startedAt: number): Pace {
  let since = startedAt;
  let before = { count: 0, ms: 0 };
  let count = 0;

  function move(now: number): void {
    if (now - since < spanMs) return;
    // After a long silence what was counted before says nothing.
    before = now - since < 2 * spanMs ? { count, ms: now - since } : { count: 0, ms: spanMs };
    count = 0;
    since = now;
  }

  return {
    count(now) {
      move(now);
      count += 1;
    },
    perSecond(now) {
      move(now);
      // Nothing is known yet: it is taken to be quick.
      const ms = before.ms + now - since;
      return ms < 1_000 ? Number.POSITIVE_INFINITY : ((before.count + count) * 1_000) / ms;
    },
  };
}
