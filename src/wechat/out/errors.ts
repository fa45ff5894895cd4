/**
 * What a return code of WeChat's API asks for.
 *
 * - `token`: the access token is not (any longer) valid: renew it and send again at once.
 * - `transient`: try again later.
 * - `throttled`: too many calls; the account rests until its quota begins anew. Not counted as an attempt.
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

export interface ErrorCode {
  readonly errcode: number;
  readonly errorClass: ErrorClass;
  readonly reason: string;
}

const rows = (errorClass: ErrorClass, reasons: Readonly<Record<string, string>>): ErrorCode[] =>
  Object.entries(reasons).map(([errcode, reason]) => ({ errcode: Number(errcode), errorClass, reason }));

/** Every code that we know. Source: the global return code page and the pages of each API, 2026. */
export const errorCodes: readonly ErrorCode[] = [
  ...rows('token', {
    40001: 'access token invalid, or not the latest',
    40014: 'access token malformed',
    41001: 'access token missing',
    42001: 'access token expired',
  }),
  ...rows('transient', {
    [-1]: 'system busy',
    43003: 'HTTPS wanted; seen in passing during outages of WeChat',
    50002: 'user limited; seen in passing',
  }),
  ...rows('throttled', {
    45009: 'calls of the day used up',
    45011: 'calls of the minute used up',
  }),
  ...rows('media', {
    40007: 'media_id unknown or expired',
  }),
  ...rows('permanent', {
    40003: 'not an openid of this account',
    40004: 'media type',
    40005: 'file type',
    40006: 'file size',
    40008: 'message type',
    40009: 'picture too large',
    40010: 'voice too large',
    40011: 'video too large',
    40012: 'thumbnail too large',
    40033: '\\uXXXX in the JSON',
    40035: 'parameter',
    41005: 'no file',
    41006: 'media_id missing',
    44002: 'empty body',
    44003: 'no article',
    44004: 'no text',
    45001: 'file too large',
    45002: 'text too long',
    45003: 'title too long',
    45004: 'description too long',
    45005: 'url too long',
    45006: 'picurl too long',
    45007: 'voice too long',
    45008: 'more than one article',
    47001: 'not JSON',
    65400: 'customer service is not switched on',
    65401: 'no such customer-service account',
    65402: 'customer-service account not bound to a WeChat user',
    65403: 'customer-service nickname',
    65404: 'customer-service account name',
    65405: 'too many customer-service accounts',
    65406: 'customer-service account exists already',
    65407: 'customer-service account invited already',
  }),
  ...rows('user', {
    43004: 'does not follow the account',
    43019: 'blocked by the account',
    45047: 'more messages than the reply window allows',
    48002: 'refuses messages',
    50005: 'does not follow the account',
  }),
  ...rows('window', {
    45015: 'the reply window is over',
  }),
  ...rows('account', {
    40013: 'AppID wrong',
    40125: 'AppSecret wrong',
    40164: "this machine's IP is not on the account's allowlist",
    48001: 'the account has no permission for this API',
    48004: 'the API is closed for this account',
    50001: 'no authorisation',
    50004: 'account frozen',
    50007: 'account frozen',
    61003: 'not authorised to the third-party platform',
    61004: 'IP of the third-party platform not registered',
    61007: 'API not authorised to the third-party platform',
    61024: 'token of the third-party platform wanted',
    89503: "this machine's IP awaits the administrator's consent",
  }),
];

const byErrcode: ReadonlyMap<number, ErrorCode> = new Map(errorCodes.map((row) => [row.errcode, row]));

/** The class of an errcode, or undefined for one that the table does not know. */
export function classifyErrcode(errcode: number): ErrorClass | undefined {
  return byErrcode.get(errcode)?.errorClass;
}

/** What a code means, in a few words; undefined for one unknown to us. */
export function errorReason(errcode: number): string | undefined {
  return byErrcode.get(errcode)?.reason;
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
