import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
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
  connections = 256,
  connectTimeoutMs = 3_000,
  answerTimeoutMs = 10_000,
}: HttpOptions): WeChatHttp {
  const { origin, pathname } = new URL(apiBase);
  const prefix = pathname.replace(/\/+$/, '');
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    // HTTP/2 would put many messages on one connection, whose loss would leave all of them unknown.
    allowH2: false,
    connect: { timeout: connectTimeoutMs },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    // Below what servers and load balancers commonly allow: they must not close a connection that we are about to use.
    keepAliveTimeout: 10_000,
  });

  /**
   * One request and its whole answer, on undici's lowest level: it costs half of what its `request` does, and tells when
   * the request begins to be written. Before that, nothing can have reached WeChat.
   */
  function exchange(method: 'GET' | 'POST', path: string, body?: string | FormData): Promise<Call> {
    return new Promise((resolve) => {
      let written = false;
      let httpStatus = 0;
      let text = '';
      const decoder = new StringDecoder('utf8');
      // A form brings its own type, with its boundary.
      const headers = typeof body === 'string' ? jsonHeaders : null;
      const options: Dispatcher.DispatchOptions = {
        method,
        path: prefix + path,
        headers,
        body: body ?? null,
      };
      pool.dispatch(options, {
        onRequestStart() {
          written = true;
        },
        onResponseStart(_controller, statusCode) {
          httpStatus = statusCode;
        },
        onResponseData(controller, chunk) {
          text += decoder.write(chunk);
          if (text.length > maxAnswerLength) controller.abort(new Error('the answer is too long'));
        },
        onResponseEnd() {
          resolve(readAnswer(httpStatus, text + decoder.end()));
        },
        onResponseError(_controller, error) {
          resolve(toFailure(error, written));
        },
      });
    });
  }

  return {
    get: (path) => exchange('GET', path),
    post: (path, body) => exchange('POST', path, body),
    async getFile(path, signal) {
      try {
        return await readFile(
          await pool.request({ path: prefix + path, method: 'GET', signal: signal ?? null }),
        );
      } catch (error) {
        // Asking twice does no harm.
        return toFailure(error, false);
      }
    },
    destroy: () => pool.destroy(),
  };
}

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' };

/** WeChat's are of some hundred characters. */
const maxAnswerLength = 1_000_000;

function toFailure(error: unknown, written: boolean): Call {
  const errmsg = describe(error);
  return written && !isConnectError(error) ? { kind: 'unknown', errmsg } : { kind: 'transient', errmsg };
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
