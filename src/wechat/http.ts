import type { Readable } from 'node:stream';
import { type Dispatcher, errors, type FormData, Pool } from 'undici';

export interface HttpOptions {
  /** e.g. https://api.weixin.qq.com */
  apiBase: string;
  /** Connections kept to WeChat. */
  connections?: number;
  connectTimeoutMs?: number;
  /** For the answer, once the request is written. */
  answerTimeoutMs?: number;
}

export interface Answer {
  errcode?: unknown;
  errmsg?: unknown;
  [name: string]: unknown;
}

/** What came of a call: an answer of WeChat's (which may be a refusal), or none. */
export type Call =
  | { kind: 'answered'; httpStatus: number; answer: Answer }
  /** It did not reach WeChat, or WeChat said that it failed (HTTP 5xx). */
  | { kind: 'transient'; httpStatus?: number; errmsg: string }
  /** The request was written and no readable answer came: it may have been carried out. */
  | { kind: 'unknown'; httpStatus?: number; errmsg: string };

/** A call that may be answered with a file. */
export type FileCall =
  | Call
  | {
      kind: 'file';
      contentType: string;
      filename: string | undefined;
      length: number | undefined;
      body: Readable;
    };

/** Calls of WeChat's API over connections that are kept. Knows paths and JSON, but no API. */
export interface WeChatHttp {
  get(path: string): Promise<Call>;
  /** `body`: JSON in raw UTF-8 (WeChat refuses \uXXXX escapes in some fields, 40033), or a form. */
  post(path: string, body: string | FormData): Promise<Call>;
  /** Reads an answer in JSON; anything else is a file, which the caller must read or destroy. */
  getFile(path: string, signal?: AbortSignal): Promise<FileCall>;
  /** Breaks off what is under way. */
  destroy(): Promise<void>;
}

export function createHttp({
  apiBase,
  connections = 64,
  connectTimeoutMs = 3_000,
  answerTimeoutMs = 10_000,
}: HttpOptions): WeChatHttp {
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

  async function call<T>(
    options: Dispatcher.RequestOptions,
    read: (response: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T | Call> {
    let written = false;
    const noteStart: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (dispatchOptions, handler) =>
      dispatch(
        dispatchOptions,
        watchStart(handler, () => {
          written = true;
        }),
      );
    try {
      return await read(await pool.compose(noteStart).request({ ...options, path: prefix + options.path }));
    } catch (error) {
      const errmsg = describe(error);
      return written && !isConnectError(error) ? { kind: 'unknown', errmsg } : { kind: 'transient', errmsg };
    }
  }

  return {
    get: (path) => call({ path, method: 'GET' }, readJson),
    post(path, body) {
      // A form brings its own type, with its boundary.
      const headers = typeof body === 'string' ? { 'content-type': 'application/json; charset=utf-8' } : {};
      return call({ path, method: 'POST', headers, body }, readJson);
    },
    getFile: (path, signal) => call({ path, method: 'GET', signal: signal ?? null }, readFile),
    destroy: () => pool.destroy(),
  };
}

async function readJson({ statusCode, body }: Dispatcher.ResponseData): Promise<Call> {
  return readAnswer(statusCode, await body.text());
}

async function readFile(response: Dispatcher.ResponseData): Promise<FileCall> {
  const { statusCode, headers, body } = response;
  const contentType = String(headers['content-type'] ?? '');
  if (statusCode !== 200 || /json|text\/plain/.test(contentType)) return readJson(response);
  const length = Number(headers['content-length'] ?? Number.NaN);
  return {
    kind: 'file',
    contentType,
    filename: /filename="?([^";]+)"?/.exec(String(headers['content-disposition'] ?? ''))?.[1],
    length: Number.isNaN(length) ? undefined : length,
    body,
  };
}

/** WeChat says 200 also for failures; an answer without an errcode or what was asked for is none of WeChat's. */
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
  const isGranted = 'access_token' in answer || 'media_id' in answer || 'thumb_media_id' in answer;
  if (!hasCode && !isGranted && !('video_url' in answer)) return unreadable(httpStatus, text);
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
