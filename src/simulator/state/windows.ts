interface Window {
  endsAt: number;
  quota: number;
  left: number;
}

/** What is left of the messages that an account may write to a user. */
export interface WindowsLeft {
  /** Open, with something left; the one that ends first in front. */
  open: readonly Readonly<Window>[];
  /** When the last of those ends that are used up; undefined when all of those have ended. */
  usedUpUntil: number | undefined;
}

interface UserWindows {
  /** Those with something left, the one that ends first in front. */
  usable: Window[];
  /** When the last of the used-up windows ends. */
  usedUpUntil: number;
}

/** What a user did that lets the account write to them. */
export type Allowance = 'message' | 'menu' | 'subscribe' | 'scan';

/** Messages allowed, and for how long. Source: the customer-service guide since 2023. */
const rules: Readonly<Record<Allowance, { quota: number; forMs: number }>> = {
  message: { quota: 5, forMs: 48 * 3_600_000 },
  menu: { quota: 3, forMs: 60_000 },
  subscribe: { quota: 3, forMs: 60_000 },
  scan: { quota: 3, forMs: 60_000 },
};

/** Which users of one account may be written to, how often and until when. */
export interface Windows {
  /** A user did something that opens a window; windows that are open already stay so. */
  open(openid: string, allowance: Allowance): void;
  /**
   * Takes one message from the open window that ends first and has one left.
   * Refused with 45047 when windows are open but used up, with 45015 when none is open.
   */
  take(openid: string): { ok: true } | { ok: false; errcode: 45015 | 45047 };
  left(openid: string): WindowsLeft;
}

/** A window is over at the very millisecond at which it ends. */
export function createWindows(clock: () => number): Windows {
  const byUser = new Map<string, UserWindows>();

  function of(openid: string): UserWindows {
    const known = byUser.get(openid);
    if (known) return known;
    const fresh: UserWindows = { usable: [], usedUpUntil: Number.NEGATIVE_INFINITY };
    byUser.set(openid, fresh);
    return fresh;
  }

  return {
    open(openid, allowance) {
      const { quota, forMs } = rules[allowance];
      const opened: Window = { endsAt: clock() + forMs, quota, left: quota };
      const { usable } = of(openid);
      // Kept in order, so that a user with thousands of windows costs a send no search.
      const last = usable.findLastIndex(({ endsAt }) => endsAt <= opened.endsAt);
      usable.splice(last + 1, 0, opened);
    },

    take(openid) {
      const now = clock();
      const user = of(openid);
      const { usable } = user;
      let [first] = usable;
      while (first && first.endsAt <= now) {
        usable.shift();
        [first] = usable;
      }
      if (!first) return { ok: false, errcode: user.usedUpUntil > now ? 45047 : 45015 };
      first.left -= 1;
      if (first.left === 0) {
        usable.shift();
        user.usedUpUntil = Math.max(user.usedUpUntil, first.endsAt);
      }
      return { ok: true };
    },

    left(openid) {
      const now = clock();
      const { usable = [], usedUpUntil = now } = byUser.get(openid) ?? {};
      return {
        open: usable.filter(({ endsAt }) => endsAt > now).map((window) => ({ ...window })),
        usedUpUntil: usedUpUntil > now ? usedUpUntil : undefined,
      };
    },
  };
}
