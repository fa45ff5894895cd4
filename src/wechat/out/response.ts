import { type JsonValue, parseJson } from '../../lib/json.js';

export interface ApiResponse {
  /** Undefined where there is none, which is success. */
  errcode: number | undefined;
  errmsg: string;
  [name: string]: unknown;
}

/** What came of a call: a response of WeChat's (which may be a refusal), or none. */
export type Call =
  | { kind: 'responded'; httpStatus: number; response: ApiResponse }
  /**
   * It did not reach WeChat, or WeChat said that it failed (HTTP 5xx). `unwritten`: it was not made, because its caller said
   * so when its turn came.
   */
  | { kind: 'transient'; httpStatus?: number; errmsg: string; unwritten?: boolean }
  /**
   * The request was written and no readable response came: it may have been carried out. `unreadable`: a response came, and it
   * was none of WeChat's (an empty body, a page of something in between). To ask again often gives the same.
   */
  | { kind: 'unknown'; httpStatus?: number; errmsg: string; unreadable?: boolean };

/** No response of WeChat's: `unknown` if the call may have been carried out all the same. */
export type NoResponse = Exclude<Call, { kind: 'responded' }>;

export type JsonObject = { readonly [name: string]: JsonValue };

/** Of a text that is none of WeChat's, as much as tells what it was. */
const maxQuoted = 200;
/** So much of it is looked through for secrets: more than could shrink to what is quoted, and less than would take long. */
const maxHidden = 50_000;
/** Of a refusal; WeChat's own have some hundred. */
const maxErrmsg = 1_000;

/**
 * Reads what WeChat responded, which says 200 also for failures. Relays and proxies put byte order marks, blanks and NULs
 * around it, and numbers into quotes: what says success is success.
 *
 * @param hide takes secrets out of a text of others
 */
export function readResponse(httpStatus: number, text: string, hide: (text: string) => string): Call {
  if (httpStatus >= 500) return { kind: 'transient', httpStatus, errmsg: `HTTP ${httpStatus}` };
  const response = parseObject(withoutPadding(text));
  if (!response) return unreadable(httpStatus, text, hide);
  const errcode = toCode(response.errcode);
  if (response.errcode === undefined ? !isSuccess(response) : errcode === undefined) {
    return unreadable(httpStatus, text, hide);
  }
  // In place: every call would pay for a copy.
  response.errcode = errcode;
  response.errmsg = readErrmsg(response.errmsg, hide);
  return { kind: 'responded', httpStatus, response: response as unknown as ApiResponse };
}

/** Reads the response of any API as it came: without an errcode it is success. */
export function readJsonObject(
  httpStatus: number,
  text: string,
  hide: (text: string) => string,
): { json: JsonObject } | NoResponse {
  if (httpStatus >= 500) return { kind: 'transient', httpStatus, errmsg: `HTTP ${httpStatus}` };
  const json = parseJson(withoutPadding(text));
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return unreadable(httpStatus, text, hide);
  const object = json as JsonObject;
  const { errcode, errmsg } = object;
  if (errcode === undefined) return httpStatus < 300 ? { json: object } : unreadable(httpStatus, text, hide);
  const code = toCode(errcode);
  if (code === undefined) return unreadable(httpStatus, text, hide);
  return { json: code === 0 ? object : { ...object, errmsg: readErrmsg(errmsg, hide) } };
}

function readErrmsg(errmsg: unknown, hide: (text: string) => string): string {
  if (errmsg === 'ok') return errmsg;
  return typeof errmsg === 'string' ? quote(errmsg, maxErrmsg, hide) : '';
}

/** First hidden, then cut: half a secret would not be known for one. */
function quote(text: string, maxLength: number, hide: (text: string) => string): string {
  return hide(text.slice(0, maxHidden)).slice(0, maxLength);
}

/** What a response says of its success; without an errcode it is 0. */
export function errcodeOf({ errcode, errmsg }: JsonObject): { errcode: number; errmsg: string } {
  return { errcode: toCode(errcode) ?? 0, errmsg: typeof errmsg === 'string' ? errmsg : '' };
}

/** What something in between refused or redirected was not carried out; a garbled 200 may have been. */
export function unreadable(httpStatus: number, text: string, hide: (text: string) => string): NoResponse {
  const quoted = quote(text, maxQuoted, hide);
  const errmsg = `HTTP ${httpStatus}, not a response of WeChat's: ${quoted === '' ? 'nothing' : quoted}`;
  return httpStatus >= 300
    ? { kind: 'transient', httpStatus, errmsg }
    : { kind: 'unknown', httpStatus, errmsg, unreadable: true };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Without an errcode: what was asked for, or the word for it. */
function isSuccess(response: Record<string, unknown>): boolean {
  const { access_token, media_id, thumb_media_id, video_url, errmsg } = response;
  return (
    [access_token, media_id, thumb_media_id, video_url].some((value) => value !== undefined) ||
    errmsg === 'ok'
  );
}

function toCode(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  return typeof value === 'string' && /^\s{0,9}-?\d{1,10}\s{0,9}$/.test(value) ? Number(value) : undefined;
}

/** By hand: an expression for the end of a text may take the square of its length. */
function withoutPadding(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isPadding(text.charCodeAt(start))) start += 1;
  while (end > start && isPadding(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** Blanks, control characters (NUL among them), and byte order marks. */
function isPadding(code: number): boolean {
  return code <= 0x20 || code === 0xfeff;
}
