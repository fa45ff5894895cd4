/**
 * What a return code of WeChat's API asks for.
 *
 * - `token`: the access token is not (any longer) valid: renew it and send again at once.
 * - `transient`: try again later.
 * - `throttled`: too many calls; wait, and do not count the attempt.
 * - `permanent`: this message is refused for good; the next one goes on.
 * - `user`: nothing can reach this user now; the rest of this reply is refused too.
 * - `window`: as `user`, because the reply window is over.
 * - `account`: a person must put the account right; keep everything and ask again every few minutes.
 */
export type ErrorClass = 'token' | 'transient' | 'throttled' | 'permanent' | 'user' | 'window' | 'account';

/** Source: the global return code page and the pages of each API, 2026. */
const classes: Readonly<Record<number, ErrorClass>> = {
  [-1]: 'transient', // system busy
  40001: 'token', // invalid, or not the latest
  40014: 'token', // malformed access token
  41001: 'token', // access token missing
  42001: 'token', // expired
  43003: 'transient', // HTTPS wanted; seen in passing during WeChat's own outages
  50002: 'transient', // user limited; seen in passing
  45011: 'throttled', // calls a minute
  45009: 'throttled', // calls a day
  40003: 'permanent', // not an openid of this account
  40004: 'permanent', // media type
  40005: 'permanent', // file type
  40006: 'permanent', // file size
  40007: 'permanent', // media_id unknown or expired
  40008: 'permanent', // message type
  40009: 'permanent', // picture size
  40010: 'permanent', // voice size
  40011: 'permanent', // video size
  40012: 'permanent', // thumbnail size
  40033: 'permanent', // \uXXXX in the JSON
  40035: 'permanent', // parameter
  41006: 'permanent', // media_id missing
  44002: 'permanent', // empty body
  44003: 'permanent', // no article
  44004: 'permanent', // no text
  45001: 'permanent', // file too large
  45002: 'permanent', // text too long
  45003: 'permanent', // title too long
  45004: 'permanent', // description too long
  45005: 'permanent', // url too long
  45006: 'permanent', // picurl too long
  45007: 'permanent', // voice too long
  45008: 'permanent', // more than one article
  47001: 'permanent', // not JSON
  65400: 'permanent', // customer service not switched on
  65401: 'permanent', // no such customer-service account
  43004: 'user', // does not follow
  43019: 'user', // blocked by the account
  48002: 'user', // refuses messages
  50005: 'user', // does not follow
  45047: 'user', // more messages than the window allows
  45015: 'window', // the reply window is over
  40013: 'account', // AppID
  40125: 'account', // AppSecret
  40164: 'account', // this machine's IP is not on the allowlist
  48001: 'account', // no permission for this API
  48004: 'account', // API closed for this account
  50001: 'account', // no authorisation
  50004: 'account', // frozen
  50007: 'account', // frozen
  61024: 'account', // component token wanted
  89503: 'account', // this machine's IP awaits the administrator's consent
};

/** The class of an errcode, or undefined for one that the table does not know. */
export function classifyErrcode(errcode: number): ErrorClass | undefined {
  return classes[errcode];
}

/** Thrown when no access token can be had: `errorClass` says whether waiting helps. */
export class TokenError extends Error {
  readonly code = 'ACCESS_TOKEN';
  constructor(
    readonly errorClass: 'transient' | 'throttled' | 'account',
    readonly errcode: number | undefined,
    readonly errmsg: string,
  ) {
    super(`No access token: ${errcode ?? 'no answer'} ${errmsg}`);
    this.name = 'TokenError';
  }
}
