import { type Dispatcher, errors, Pool } from 'undici';
import { classifyErrcode, type ErrorClass, TokenError } from './errors.js';
import type { WirePayload } from './reply.js';

/** What came of one HTTP call to send a message. */
export type SendOutcome =
  | { kind: 'sent'; httpStatus: number; errmsg: string }
  /** WeChat answered with an error; `errorClass` is undefined for a code that our table does not know. */
  | {
      kind: 'refused';
      httpStatus: number;
      errcode: number;
      errmsg: string;
      errorClass: ErrorClass | undefined;
    }
  /** It did not reach WeChat, or WeChat said that it failed (HTTP 5xx). */
  | { kind: 'transient'; httpStatus?: number; errmsg: string }
  /** The request was written and no readable answer came: it may have been carried out. */
  | { kind: 'unknown'; httpStatus?: number; errmsg: string };

/** What an access token is had for. */
export interface AppCredentials {
  appId: string;
  appSecret: string;
}

export interface FetchedToken {
  value: string;
  /** As told by WeChat: 7,200 at most. */
  expiresInSeconds: number;
}

/** WeChat's HTTP API, as far as we call it. Knows no database and keeps no token. */
export interface WeChatClient {
  sendMessage(accessToken: string, openid: string, payload: WirePayload): Promise<SendOutcome>;
  /** @throws TokenError */
  fetchStableToken(account: AppCredentials, options: { forceRefresh: boolean }): Promise<FetchedToken>;
  /** Breaks off what is under way. */
  destroy(): Promise<void>;
}

export interface ClientOptions {
  /** e.g. https://api.weixin.qq.com */
  apiBase: string;
  /** Connections kept to WeChat. */
  connections?: number;
  connectTimeoutMs?: number;
  /** For the answer, once the request is written. */
  answerTimeoutMs?: number;
}

interface Answer {
  errcode?: unknown;
  errmsg?: unknown;
  [name: string]: unknown;
}

type Call =
  | { kind: 'answered'; httpStatus: number; answer: Answer }
  | { kind: 'transient'; httpStatus?: number; errmsg: string }
  | { kind: 'unknown'; httpStatus?: number; errmsg: string };

export function createClient({
  apiBase,
  connections = 64,
  connectTimeoutMs = 3_000,
  answerTimeoutMs = 10_000,
}: ClientOptions): WeChatClient {
  const { origin, pathname } = new URL(apiBase);
  const prefix = pathname.replace(/\/+$/, '');
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    // Below what servers and load balancers commonly allow: they must not close a connection that we are about to use.
    keepAliveTimeout: 10_000,
  });

  /** Posts JSON in raw UTF-8; WeChat refuses \uXXXX escapes in some fields (40033). */
  async function post(path: string, body: string): Promise<Call> {
    let written = false;
    const noteStart: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
      dispatch(
        options,
        watchStart(handler, () => {
          written = true;
        }),
      );
    try {
      const response = await pool.compose(noteStart).request({
        path: prefix + path,
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body,
      });
      const text = await response.body.text();
      return readAnswer(response.statusCode, text);
    } catch (error) {
      const errmsg = describe(error);
      return written && !isConnectError(error) ? { kind: 'unknown', errmsg } : { kind: 'transient', errmsg };
    }
  }

  return {
    async sendMessage(accessToken, openid, payload) {
      const body = JSON.stringify({ touser: openid, ...payload });
      const call = await post(
        `/cgi-bin/message/custom/send?access_token=${encodeURIComponent(accessToken)}`,
        body,
      );
      if (call.kind !== 'answered') return call;
      const { httpStatus, answer } = call;
      const errcode = Number(answer.errcode);
      const errmsg = String(answer.errmsg ?? '');
      if (errcode === 0) return { kind: 'sent', httpStatus, errmsg };
      return { kind: 'refused', httpStatus, errcode, errmsg, errorClass: classifyErrcode(errcode) };
    },

    async fetchStableToken({ appId, appSecret }, { forceRefresh }) {
      const body = JSON.stringify({
        grant_type: 'client_credential',
        appid: appId,
        secret: appSecret,
        force_refresh: forceRefresh,
      });
      const call = await post('/cgi-bin/stable_token', body);
      // Asking twice does no harm here: an unknown outcome is one to try again.
      if (call.kind !== 'answered') throw new TokenError('transient', undefined, call.errmsg);
      const { access_token: value, expires_in: expiresIn, errcode, errmsg } = call.answer;
      if (typeof value === 'string' && value !== '' && typeof expiresIn === 'number') {
        return { value, expiresInSeconds: expiresIn };
      }
      throw new TokenError(tokenErrorClass(Number(errcode)), Number(errcode), String(errmsg ?? ''));
    },

    destroy: () => pool.destroy(),
  };
}

/** From a token call, 40001 means a wrong secret: no renewal helps. */
function tokenErrorClass(errcode: number): TokenError['errorClass'] {
  const errorClass = errcode === 40001 ? 'account' : classifyErrcode(errcode);
  return errorClass === 'account' || errorClass === 'throttled' ? errorClass : 'transient';
}

/** WeChat says 200 also for failures; an answer without an errcode or a token is none of WeChat's. */
function readAnswer(httpStatus: number, text: string): Call {
  if (httpStatus >= 500) return { kind: 'transient', httpStatus, errmsg: `HTTP ${httpStatus}` };
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return unreadable(httpStatus, text);
  }
  if (typeof answer !== 'object' || answer === null) return unreadable(httpStatus, text);
  const hasCode = 'errcode' in answer && typeof answer.errcode === 'number';
  if (!hasCode && !('access_token' in answer)) return unreadable(httpStatus, text);
  return { kind: 'answered', httpStatus, answer: answer as Answer };
}

/** A 4xx from something in between was not carried out; a garbled 200 may have been. */
function unreadable(httpStatus: number, text: string): Call {
  const errmsg = `HTTP ${httpStatus}, not an answer of WeChat's: ${text.slice(0, 200)}`;
  return httpStatus >= 400
    ? { kind: 'transient', httpStatus, errmsg }
    : { kind: 'unknown', httpStatus, errmsg };
}

/** Tells when undici begins to write the request: before that, nothing can have reached WeChat. */
function watchStart(handler: Dispatcher.DispatchHandler, onStart: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller, context) {
      onStart();
      handler.onRequestStart?.(controller, context);
    },
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart: (...args) => handler.onResponseStart?.(...args),
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
    onResponseError: (...args) => handler.onResponseError?.(...args),
  };
}

function isConnectError(error: unknown): boolean {
  if (error instanceof errors.ConnectTimeoutError) return true;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  return code + error.message;
}
