/** What can go wrong with a call of the API. */
export type Fault =
  | FinalFault
  /** Waits (real time, whatever the simulator's clock says), then goes on as if nothing had been, or as `followedBy` says. */
  | { delayMs: number; followedBy?: Fault };

/** How a call ends that is not carried out, but for `reset: 'after'`, which delivers. */
export type FinalFault =
  /** Without an errmsg: WeChat's words and a rid. With one: just that. */
  | { errcode: number; errmsg?: string }
  | { httpStatus: number }
  /** Cuts the connection: before the message is delivered, or after (the caller can't tell which). */
  | { reset: 'before' | 'after' }
  /** Delivers nothing and never responds. */
  | { hang: true }
  /** Responds 200 with this text, which is not WeChat's. */
  | { malformed: string };

export interface FaultRule {
  /** Default: the customer-service send. */
  path?: string;
  /** Only calls to this user. */
  openid?: string;
  /** Only calls for this account: by the access token, else by the app id that the call names. */
  appId?: string;
  /** How many calls it strikes; 1 by default, Infinity until `clear`. */
  times?: number;
  fault: Fault;
}

export interface Faults {
  /** Rules strike in the order in which they were added, one a call. */
  add(rule: FaultRule): void;
  /** Strikes this share (0 to 1) of all sends that no rule strikes, the same ones for the same seed. */
  ratio(share: number, fault: Fault, seed?: number): void;
  /** Rules and ratio. */
  clear(): void;
  /** Strikes that are still to come, those of `ratio` aside. */
  readonly pending: number;
}

/** The simulator's side of it. */
export interface FaultSource extends Faults {
  /** Rules that are still to strike, in their order. */
  readonly rules: readonly Readonly<PendingRule>[];
  /** The fault for this call, if any; counts it. */
  next(call: FaultTarget): Fault | undefined;
}

export interface FaultTarget {
  path: string;
  openid: string | undefined;
  appId: string | undefined;
}

/** A rule with so many strikes left. */
export interface PendingRule extends FaultTarget {
  left: number;
  fault: Fault;
}

export const sendPath = '/cgi-bin/message/custom/send';

export function createFaults(): FaultSource {
  let rules: PendingRule[] = [];
  let random: { share: number; fault: Fault; next(): number } | undefined;

  return {
    add({ path = sendPath, openid, appId, times = 1, fault }) {
      if (times > 0) rules.push({ path, openid, appId, left: times, fault });
    },
    ratio(share, fault, seed = 1) {
      random = { share, fault, next: seededRandom(seed) };
    },
    clear() {
      rules = [];
      random = undefined;
    },
    get rules() {
      return rules;
    },
    get pending() {
      return rules.reduce((sum, { left }) => sum + left, 0);
    },
    next({ path, openid, appId }) {
      const rule = rules.find(
        (candidate) =>
          candidate.path === path &&
          (candidate.openid ?? openid) === openid &&
          (candidate.appId ?? appId) === appId,
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
