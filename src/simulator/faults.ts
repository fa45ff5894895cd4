/** What can go wrong with a call of the API. */
export type Fault =
  | { errcode: number; errmsg?: string }
  | { httpStatus: number }
  /** Answers late; the message is delivered when the time is over. */
  | { delayMs: number }
  /** Cuts the connection: before the message is delivered, or after. */
  | { reset: 'before' | 'after' }
  /** Delivers nothing and never answers. */
  | { hang: true }
  /** Answers 200 with something that is not WeChat's. */
  | { malformed: string };

export interface FaultRule {
  /** Default: the customer-service send. */
  path?: string;
  /** Only calls to this user. */
  openid?: string;
  /** How many calls it strikes. */
  times?: number;
  fault: Fault;
}

export interface Faults {
  add(rule: FaultRule): void;
  /** Strikes this share of all sends, as a seeded generator has it. */
  ratio(share: number, fault: Fault, seed?: number): void;
  clear(): void;
  /** Strikes that are still to come, those of `ratio` aside. */
  readonly pending: number;
  /** The fault for this call, if any; counts it. */
  next(path: string, openid: string | undefined): Fault | undefined;
}

export const sendPath = '/cgi-bin/message/custom/send';

export function createFaults(): Faults {
  let rules: { path: string; openid: string | undefined; left: number; fault: Fault }[] = [];
  let random: { share: number; fault: Fault; next(): number } | undefined;

  return {
    add({ path = sendPath, openid, times = 1, fault }) {
      rules.push({ path, openid, left: times, fault });
    },
    ratio(share, fault, seed = 1) {
      random = { share, fault, next: seededRandom(seed) };
    },
    clear() {
      rules = [];
      random = undefined;
    },
    get pending() {
      return rules.reduce((sum, { left }) => sum + left, 0);
    },
    next(path, openid) {
      const rule = rules.find(
        (candidate) => candidate.path === path && (candidate.openid ?? openid) === openid,
      );
      if (rule) {
        rule.left -= 1;
        if (rule.left === 0) rules = rules.filter((other) => other !== rule);
        return rule.fault;
      }
      return random && path === sendPath && random.next() < random.share ? random.fault : undefined;
    },
  };
}

/** mulberry32: small, and the same sequence for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
