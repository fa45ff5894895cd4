import type { Simulator } from '../simulator/index.js';

/** How a call of WeChat's API goes wrong. */
export type Failure =
  /** WeChat refuses it, such as 45015 (the window is over) or -1 (busy). Without an `errmsg`: in WeChat's words. */
  | { errcode: number; errmsg?: string }
  /** What stands between answers instead, such as 502. */
  | { httpStatus: number }
  /** The connection breaks, before the message reached the user or after it: the caller cannot tell which. */
  | { reset: 'before' | 'after' }
  /** There is never a response. */
  | { hang: true }
  /** There is one that is not WeChat's. */
  | { malformed: string }
  /** All is well, but so much later. */
  | { delayMs: number };

export interface FailureOptions {
  /** So many calls, one after another; default: 1. `Infinity`: all until `recover`. */
  times?: number;
  /** The API, by its path; default: the one that sends, `/cgi-bin/message/custom/send`. */
  path?: string;
  /** Calls for this user only. */
  openid?: string;
}

export function addFailure(
  { faults }: Pick<Simulator, 'faults'>,
  failure: Failure,
  { times = 1, path, openid }: FailureOptions,
): void {
  faults.add({
    fault: failure,
    times,
    ...(path === undefined ? {} : { path }),
    ...(openid === undefined ? {} : { openid }),
  });
}
