import { calendarMinute, shanghaiDay, shanghaiMonth } from './calendar.js';

/** How many sends an account may make. What is absent is not limited. */
export interface QuotaLimits {
  /** A calendar minute; beyond it 45011. */
  perMinute?: number;
  /** A day in Shanghai; beyond it 45009. */
  perDay?: number;
}

/** The send quota of one account. */
export interface Quota {
  limit(limits: QuotaLimits): void;
  readonly usedToday: number;
  /** Undefined where there is none. */
  readonly dailyLimit: number | undefined;
  /** Counts a send; refuses it when it is one too many. */
  count(): 45009 | 45011 | undefined;
  /** The day begins anew; refused with 48006 beyond ten times a month. */
  clear(): 48006 | undefined;
}

const clearsAMonth = 10;

export function createQuota(clock: () => number): Quota {
  let limits: QuotaLimits = {};
  const day = createCounter(() => shanghaiDay(clock()));
  const minute = createCounter(() => calendarMinute(clock()));
  const clears = createCounter(() => shanghaiMonth(clock()));
  return {
    limit(replacement) {
      limits = replacement;
    },
    get usedToday() {
      return day.count;
    },
    get dailyLimit() {
      return limits.perDay;
    },
    count() {
      const { perMinute = Number.POSITIVE_INFINITY, perDay = Number.POSITIVE_INFINITY } = limits;
      day.add();
      minute.add();
      // Who has used up the day must not be sent away for a minute only.
      if (day.count > perDay) return 45009;
      return minute.count > perMinute ? 45011 : undefined;
    },
    clear() {
      if (clears.count >= clearsAMonth) return 48006;
      clears.add();
      day.reset();
      return undefined;
    },
  };
}

interface Counter {
  readonly count: number;
  add(): void;
  reset(): void;
}

/** Counts within a period, and from 0 again in the next. */
function createCounter(period: () => number | string): Counter {
  let current = period();
  let count = 0;
  function turn(): void {
    if (period() === current) return;
    current = period();
    count = 0;
  }
  return {
    get count() {
      turn();
      return count;
    },
    add() {
      turn();
      count += 1;
    },
    reset() {
      count = 0;
    },
  };
}
