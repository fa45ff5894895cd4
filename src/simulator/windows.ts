/** Who may be written to, how often and until when. Source: the customer-service guide since 2023. */

interface Window {
  endsAt: number;
  left: number;
}

export type Allowance = 'message' | 'menu' | 'subscribe' | 'scan';

const rules: Readonly<Record<Allowance, { quota: number; forMs: number }>> = {
  message: { quota: 5, forMs: 48 * 3_600_000 },
  menu: { quota: 3, forMs: 60_000 },
  subscribe: { quota: 3, forMs: 60_000 },
  scan: { quota: 3, forMs: 60_000 },
};

export interface Windows {
  /** A user did something that opens a window. */
  open(openid: string, allowance: Allowance): void;
  /** Takes one message from the open window that ends first; else says which errcode refuses it. */
  take(openid: string): { ok: true } | { ok: false; errcode: 45015 | 45047 };
}

export function createWindows(clock: () => number): Windows {
  const byUser = new Map<string, Window[]>();

  function openOf(openid: string): Window[] {
    const open = (byUser.get(openid) ?? []).filter(({ endsAt }) => endsAt > clock());
    byUser.set(openid, open);
    return open;
  }

  return {
    open(openid, allowance) {
      const { quota, forMs } = rules[allowance];
      openOf(openid).push({ endsAt: clock() + forMs, left: quota });
    },
    take(openid) {
      const open = openOf(openid);
      const [first] = open.filter(({ left }) => left > 0).sort((a, b) => a.endsAt - b.endsAt);
      if (!first) return { ok: false, errcode: open.length > 0 ? 45047 : 45015 };
      first.left -= 1;
      return { ok: true };
    },
  };
}
