import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ApiRequest } from './request.js';
import type { ApiResponse } from './responses.js';

/** One call of the API, as it came in and as it ended. Times are the simulator's clock's, in ms. */
export interface ApiCall {
  at: number;
  /** Absent while the call is under way, and for good when it hangs. */
  finishedAt?: number;
  path: string;
  /** The account whose access token the call carries, valid or not; undefined without a token from here. */
  appId: string | undefined;
  /** The `touser` of the body, if it has one. */
  openid: string | undefined;
  /** Of multipart not the bytes, but how many: `[multipart 1234 bytes]`. */
  body: string;
  /** Absent when the connection was cut instead, or the caller had left. */
  httpStatus?: number;
  /** Of the response; absent as `httpStatus` is, and for a response that is not WeChat's. */
  errcode?: number;
  /** Whether the caller got a response, as far as this end can tell. */
  responded: boolean;
}

/** A call under way. */
export interface Exchange {
  request: ApiRequest;
  response: ServerResponse;
  call: ApiCall;
}

const plainText = { 'content-type': 'text/plain' };

/** Ends the call with a response, or with a text that is not WeChat's; `at` is for the record. */
export function respondWith(
  exchange: Exchange,
  content: ApiResponse | { malformed: string },
  at: number,
): void {
  if ('httpStatus' in content) {
    write(exchange, at, {
      status: content.httpStatus,
      headers: plainText,
      body: `HTTP ${content.httpStatus}`,
    });
  } else if ('malformed' in content) {
    write(exchange, at, { status: 200, headers: plainText, body: content.malformed });
  } else if ('file' in content) {
    const { contentType, filename, bytes } = content.file;
    const disposition = `attachment; filename="${inHeader(filename)}"`;
    const headers = { 'content-type': contentType, 'content-disposition': disposition };
    if (write(exchange, at, { status: 200, headers, body: bytes })) exchange.call.errcode = 0;
  } else {
    const { json } = content;
    const headers = { 'content-type': 'application/json; encoding=utf-8' };
    // Tokens come without an errcode.
    const errcode = typeof json.errcode === 'number' ? json.errcode : 0;
    if (write(exchange, at, { status: 200, headers, body: JSON.stringify(json) }))
      exchange.call.errcode = errcode;
  }
}

/** Ends the call without a response. */
export function cut({ response, call }: Exchange, at: number): void {
  call.finishedAt = at;
  response.socket?.resetAndDestroy();
}

interface Written {
  status: number;
  headers: OutgoingHttpHeaders;
  body: string | Buffer;
}

/** False when the caller has left, and nobody hears the response. */
function write({ response, call }: Exchange, at: number, { status, headers, body }: Written): boolean {
  call.finishedAt = at;
  if (response.destroyed) return false;
  call.httpStatus = status;
  call.responded = true;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
  return true;
}

/** Headers hold bytes: what is not ASCII, and what would end the name, becomes an underscore. */
function inHeader(filename: string): string {
  return filename.replace(/[^ !#-[\]-~]/gu, '_');
}
