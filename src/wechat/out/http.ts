import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { type Dispatcher, errors, type FormData, Pool } from 'undici';
import { createProxyAgent, type Proxies } from '../../lib/proxies.js';
import { type Hide, hideSecrets } from './hide-secrets.js';
import { callLimits } from './limits.js';
import {
  type Call,
  type JsonObject,
  type NoResponse,
  readJsonObject,
  readResponse,
  unreadable,
} from './response.js';

export interface HttpOptions {
  /** e.g. https://api.weixin.qq.com */
  apiBase: string;
  /** Connections kept to WeChat. */
  connections?: number;
  connectTimeoutMs?: number;
  /** For the response, once the request is written. */
  responseTimeoutMs?: number;
  /** Undefined: there are none. */
  proxies?: Proxies | undefined;
  /** Addresses to connect to, where no proxy does; default: whichever responds first. */
  ipFamily?: IpFamily;
}

export type IpFamily = 4 | 6 | 'auto';

/** A call that may bring a file. */
export type FileCall =
  | Call
  | {
      kind: 'file';
      contentType: string;
      filename: string | undefined;
      length: number | undefined;
      body: Readable;
    };

export interface CallOptions {
  /**
   * Asked once, when the request is about to be written to its connection, however long it waited for one. False: not a
   * byte of it is written.
   */
  mayWrite?: (() => boolean) | undefined;
  /** Breaks the call off: what was written by then may have been carried out. */
  signal?: AbortSignal | undefined;
}

/** A call of any API, with the JSON of its response as it came. */
export type JsonCall = { kind: 'json'; httpStatus: number; json: JsonObject } | NoResponse;

/** Calls of WeChat's API over connections that are kept. Knows paths and JSON, but no API. */
export interface WeChatHttp {
  get(path: string): Promise<Call>;
  /** `body`: JSON in raw UTF-8 (WeChat refuses \uXXXX escapes in some fields, 40033), or a form. */
  post(path: string, body: string | FormData, options?: CallOptions): Promise<Call>;
  /** As get and post, for an API whose response has a form of its own: up to 8 million characters of it are read. */
  exchangeJson(
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    options?: CallOptions,
  ): Promise<JsonCall>;
  /** Reads a response in JSON; anything else is a file, which the caller must read or destroy. */
  getFile(path: string, signal?: AbortSignal): Promise<FileCall>;
  /** Breaks off what is under way. */
  destroy(): Promise<void>;
}

/** The connections of a client: kept, and through a proxy where one stands before WeChat. */
export function createConnections({
  apiBase,
  connections = 256,
  connectTimeoutMs = callLimits.connectMs,
  responseTimeoutMs = callLimits.responseMs,
  proxies,
  ipFamily = 'auto',
}: HttpOptions): Dispatcher {
  const options = {
    connections,
    pipelining: 1,
    // HTTP/2 would put many messages on one connection, whose loss would leave all of them unknown.
    allowH2: false,
    connect: { timeout: connectTimeoutMs, ...(ipFamily === 'auto' ? {} : { family: ipFamily }) },
    headersTimeout: responseTimeoutMs,
    bodyTimeout: responseTimeoutMs,
    // Below what servers and load balancers commonly allow: they must not close a connection that we are about to use.
    keepAliveTimeout: 10_000,
  };
  if (!proxies) return new Pool(new URL(apiBase).origin, options);
  // Tunnelled in any case: so a request is written when we say so, not when the proxy does.
  return createProxyAgent(proxies, { ...options, connectTimeoutMs, tunnelsHttp: true });
}

export function createHttp(options: HttpOptions): WeChatHttp {
  const { origin, pathname } = new URL(options.apiBase);
  const prefix = pathname.replace(/\/+$/, '');
  const pool = createConnections(options);
  // Its own: a proxy agent adds the host to it.
  const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' };

  /**
   * One request and its whole response, on undici's lowest level: it costs less than its `request`, and tells when
   * the request begins to be written. Before that, nothing can have reached WeChat.
   */
  function exchange<Read>(
    method: 'GET' | 'POST',
    path: string,
    body: string | FormData | undefined,
    { mayWrite, signal }: CallOptions,
    { read, maxLength }: Reader<Read>,
  ): Promise<Read | NoResponse> {
    return new Promise((settle) => {
      const hide = hideSecrets(path, body);
      let breakOff = () => resolve(toFailure(signal?.reason, false, hide));
      const onAbort = () => breakOff();
      function resolve(call: Read | NoResponse): void {
        signal?.removeEventListener('abort', onAbort);
        settle(call);
      }
      let written = false;
      let isTooLong = false;
      let httpStatus = 0;
      let text = '';
      const decoder = new StringDecoder('utf8');
      // A form brings its own type, with its boundary.
      const headers = typeof body === 'string' ? jsonHeaders : null;
      const request = { origin, method, path: prefix + path, headers, body: body ?? null };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort);
      pool.dispatch(request, {
        onRequestStart(controller) {
          // To throw ends this request alone; to abort it would end the connection as well.
          if (signal?.aborted || (mayWrite && !mayWrite())) throw new UnwrittenError();
          written = true;
          breakOff = () => controller.abort(toError(signal?.reason));
        },
        onResponseStart(_controller, statusCode) {
          httpStatus = statusCode;
        },
        onResponseData(controller, chunk) {
          text += decoder.write(chunk);
          if (text.length <= maxLength) return;
          isTooLong = true;
          controller.abort(new Error('the response is too long'));
        },
        onResponseEnd() {
          resolve(read(httpStatus, text + decoder.end(), hide));
        },
        onResponseError(_controller, error) {
          resolve(isTooLong ? unreadable(httpStatus, text, hide) : toFailure(error, written, hide));
        },
      });
    });
  }

  return {
    get: (path) => exchange('GET', path, undefined, {}, known),
    post: (path, body, options = {}) => exchange('POST', path, body, options, known),
    exchangeJson: (method, path, body, options = {}) => exchange(method, path, body, options, any),
    async getFile(path, signal) {
      const hide = hideSecrets(path);
      try {
        const response = await pool.request({
          origin,
          path: prefix + path,
          method: 'GET',
          signal: signal ?? null,
        });
        return await readFile(response, hide);
      } catch (error) {
        // Asking twice does no harm.
        return toFailure(error, false, hide);
      }
    },
    destroy: () => pool.destroy(),
  };
}

interface Reader<Read> {
  read(httpStatus: number, text: string, hide: Hide): Read | NoResponse;
  /** Of the response: what is longer is broken off. */
  maxLength: number;
}

/** Of the APIs that we know: their responses are of some hundred characters. */
const known: Reader<Call> = { read: readResponse, maxLength: 1_000_000 };

/** Of any API: twenty articles with their texts are the longest. */
const any: Reader<JsonCall> = {
  read(httpStatus, text, hide) {
    const read = readJsonObject(httpStatus, text, hide);
    return 'kind' in read ? read : { kind: 'json', httpStatus, json: read.json };
  },
  maxLength: 8_000_000,
};

class UnwrittenError extends Error {
  readonly code = 'UNWRITTEN';
  constructor() {
    super('the call was not made: its leave was gone');
    this.name = 'UnwrittenError';
  }
}

function toFailure(error: unknown, written: boolean, hide: Hide): NoResponse {
  const errmsg = hide(describe(error));
  if (error instanceof UnwrittenError) return { kind: 'transient', errmsg, unwritten: true };
  return written && !isConnectError(error) ? { kind: 'unknown', errmsg } : { kind: 'transient', errmsg };
}

async function readFile(response: Dispatcher.ResponseData, hide: Hide): Promise<FileCall> {
  const { statusCode, headers, body } = response;
  const contentType = String(headers['content-type'] ?? '');
  if (statusCode !== 200 || /json|text\/plain/.test(contentType)) {
    return readResponse(statusCode, await body.text(), hide);
  }
  const length = Number(headers['content-length'] ?? Number.NaN);
  return {
    kind: 'file',
    contentType,
    filename: /filename="?([^";]+)"?/.exec(String(headers['content-disposition'] ?? ''))?.[1],
    length: Number.isNaN(length) ? undefined : length,
    body,
  };
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
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
