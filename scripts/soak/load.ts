import type { Simulator } from '#src/simulator/index.js';

/** A message that WeChat was told is in good hands. */
export interface Acknowledged {
  openid: string;
  /** Unique; the replies to it are `<text>/1`, `<text>/2` … */
  text: string;
  at: number;
}

export interface Load {
  readonly pushed: number;
  readonly acknowledged: readonly Acknowledged[];
  /** Users who were told that the account is out of service. */
  readonly notices: number;
  /** Ends the load and waits for the pushes under way. */
  stop(): Promise<void>;
}

/** Turns of the clock a second. */
const ticksASecond = 20;

/** Each user sends the next message only when the last is acknowledged or given up: so their order is theirs. */
export function startLoad(
  simulator: Simulator,
  { rate, users, random }: { rate: number; users: number; random: () => number },
): Load {
  const acknowledged: Acknowledged[] = [];
  const idle = Array.from({ length: users }, (_, index) => `oUser${index}`);
  const underWay = new Set<Promise<void>>();
  let pushed = 0;
  let notices = 0;
  let owed = 0;

  async function push(openid: string): Promise<void> {
    pushed += 1;
    const text = `m${pushed}`;
    const { outcome } = await simulator.user(openid).say(`${text} ${1 + Math.floor(random() * 3)}`);
    if (outcome === 'acknowledged') acknowledged.push({ openid, text, at: Date.now() });
    else notices += 1;
    idle.push(openid);
  }

  const timer = setInterval(() => {
    owed += rate / ticksASecond;
    for (; owed >= 1 && idle.length > 0; owed -= 1) {
      const index = Math.floor(random() * idle.length);
      const [openid] = idle.splice(index, 1);
      if (openid === undefined) return;
      const pushing = push(openid).finally(() => underWay.delete(pushing));
      underWay.add(pushing);
    }
    // Nobody to speak for: what could not be said is not made up for.
    owed = Math.min(owed, rate);
  }, 1_000 / ticksASecond);

  return {
    get pushed() {
      return pushed;
    },
    acknowledged,
    get notices() {
      return notices;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
