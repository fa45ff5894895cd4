import type { JsonValue } from '../lib/json.js';
import type { ApiOutcome, ApiRequest, AppCredentials, JsonObject, WeChatClient } from '../wechat/out/client.js';
import { type ErrorClass, TokenError } from '../wechat/out/errors.js';
import type { AccessTokens } from './access-token.js';

/** A call of WeChat's API that the account makes, with the token that it has. */
export interface WeChatRequest {
  method: 'GET' | 'POST';
  /** Such as `/cgi-bin/user/info?openid=…`, without a token. */
  path: string;
  /** Of a POST alone. */
  body?: JsonValue | undefined;
}

export type WeChatCall = (
  account: AppCredentials,
  request: WeChatRequest,
  signal: AbortSignal,
) => Promise<JsonObject>;

export interface WeChatCallDependencies {
  /** Each account's own: one that hangs keeps no other waiting. */
  clientOf(appId: string): Pick<WeChatClient, 'call'>;
  tokens: Pick<AccessTokens, 'get' | 'replace'>;
}

/** WeChat refused a call, or did not respond to it. */
export class WeChatCallError extends Error {
  readonly code = 'WECHAT_CALL';
  /**
   * - `refused`: with `errcode`; the call was not carried out.
   * - `transient`: it did not reach WeChat, or WeChat failed: it was not carried out.
   * - `unknown`: it was written, and no response came: it may have been carried out.
   */
  readonly outcome: 'refused' | 'transient' | 'unknown';
  /** Undefined where WeChat gave none. */
  readonly errcode: number | undefined;
  readonly errmsg: string;
  /** What the errcode asks for; undefined for one that is not known, and where there is none. */
  readonly errorClass: ErrorClass | undefined;
  /** WeChat's id of the request, which its support asks for. */
  readonly rid: string | undefined;

  constructor(
    path: string,
    { kind, errmsg, ...refusal }: CallFailure,
    options?: { cause: unknown },
  ) {
    const errcode = refusal.errcode === undefined ? '' : `${refusal.errcode} `;
    super(`${path}: ${errcode}${errmsg}`, options);
    this.name = 'WeChatCallError';
    this.outcome = kind;
    this.errcode = refusal.errcode;
    this.errmsg = errmsg;
    this.errorClass = refusal.errorClass;
    this.rid = /\brid:\s{0,3}([\w-]{1,100})/.exec(errmsg)?.[1];
  }
}

interface CallFailure {
  kind: WeChatCallError['outcome'];
  errmsg: string;
  errcode?: number | undefined;
  errorClass?: ErrorClass | undefined;
}

/** What was asked for is no call of WeChat's API, or none that is made with the account's token: nothing was called. */
export class InvalidCallError extends Error {
  readonly code = 'INVALID_CALL';
  constructor(problem: string) {
    super(problem);
    this.name = 'InvalidCallError';
  }
}

/**
 * Calls any API that responds in JSON. A token that WeChat refuses is replaced, once, and the call made again.
 *
 * @returns what WeChat responded; whole numbers that a double cannot hold are strings
 */
export function createWeChatCall({ clientOf, tokens }: WeChatCallDependencies): WeChatCall {
  async function call(account: AppCredentials, request: ApiRequest, signal: AbortSignal): Promise<ApiOutcome> {
    const client = clientOf(account.appId);
    const token = await tokens.get(account);
    const outcome = await client.call(token, request, signal);
    if (outcome.kind !== 'refused' || outcome.errorClass !== 'token') return outcome;
    return client.call(await tokens.replace(account, token), request, signal);
  }

  return async (account, request, signal) => {
    const checked = check(request);
    const [name = ''] = checked.path.split('?');
    try {
      const outcome = await call(account, checked, signal);
      if (outcome.kind === 'told') return outcome.response;
      throw new WeChatCallError(name, outcome);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { errcode, errmsg, errorClass } = error;
      const kind = errcode === undefined ? 'transient' : 'refused';
      throw new WeChatCallError(name, { kind, errcode, errmsg: `no access token: ${errmsg}`, errorClass }, { cause: error });
    }
  };
}

/** What hands tokens out is for the service alone: in classic mode each call would end the one that all others use. */
const ofTokens = new Set(['/cgi-bin/token', '/cgi-bin/stable_token']);

function check({ method, path, body }: WeChatRequest): ApiRequest {
  if (method !== 'GET' && method !== 'POST') throw new InvalidCallError('the method is GET or POST');
  if (typeof path !== 'string' || !/^\/[^/\\]/.test(path) || path.includes('#'))
    throw new InvalidCallError('the path must begin with one /, and have no #: /cgi-bin/…');
  // What is not ASCII is written as URLs have it.
  const { pathname, search, searchParams } = new URL(path, 'http://wechat');
  if ([...searchParams.keys()].some((name) => name.toLowerCase().endsWith('access_token')))
    throw new InvalidCallError('the path must carry no access_token: the account’s own is added');
  if (ofTokens.has(pathname.toLowerCase().replace(/\/+$/, '')))
    throw new InvalidCallError(`${pathname} is not to be called: the service keeps the account’s token`);
  if (method === 'GET' && body !== undefined) throw new InvalidCallError('a GET has no body');
  // In raw UTF-8. An empty body would be refused (44002).
  return { method, path: pathname + search, body: method === 'GET' ? undefined : JSON.stringify(body ?? {}) };
}
