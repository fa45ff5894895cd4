import type { InEachLanguage } from '../../lib/language.js';

/**
 * What a return code of WeChat's API asks for.
 *
 * - `token`: the access token is not (any longer) valid: renew it and send again at once.
 * - `transient`: try again later.
 * - `throttled`: too many calls of one API; what needs it rests until its quota begins anew. Not counted as an attempt.
 * - `media`: the media_id is not (any longer) valid: upload the file again, once, if we have it.
 * - `permanent`: this message is refused for good; the next one goes on.
 * - `user`: nothing can reach this user now; the rest of this reply is refused too.
 * - `window`: as `user`, because the reply window is over.
 * - `account`: a person must put the account right; it rests, and is tried again every few minutes.
 */
export type ErrorClass =
  | 'token'
  | 'transient'
  | 'throttled'
  | 'media'
  | 'permanent'
  | 'user'
  | 'window'
  | 'account';

/** What a refusal is about, and so what else it will strike. */
export type ErrorScope = 'message' | 'api' | 'user' | 'account' | 'platform';

/**
 * Whether a refusal shows that the account is at fault: `account`, this one alone does. Of class `account`, and of `user` where
 * the platform says the same of an account that is punished.
 *
 * `maybe-account` is a code that WeChat also gives for one kind of message: 40013 or 48001 for a mini program that is not
 * linked, 65400 for a reply of an agent. A sender lets the message fail, and rests the account only when different kinds of
 * messages, or a plain text, are refused with that code and none was taken in between. A call for a token is of no kind:
 * from one, each code of class `account` is evidence, and a token that was given proves AppID and AppSecret right.
 *
 * `several-users` is said of one user who is frozen, and of every user where the account is: the account rests when several
 * users are refused with that code within minutes and no message was taken in between.
 */
export type Evidence = 'account' | 'maybe-account' | 'several-users';

export interface ErrorCode {
  readonly errcode: number;
  readonly errorClass: ErrorClass;
  readonly scope: ErrorScope;
  readonly reason: InEachLanguage;
  /** What a person can do, in words. */
  readonly remedy: InEachLanguage;
  readonly evidence?: Evidence;
}
