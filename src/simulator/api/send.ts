import type { AccountState } from '../state/accounts.js';
import { isFilled, isObject, type RequestBody } from './request.js';

interface SendRequest {
  touser: string;
  msgtype: string;
  body: Record<string, unknown>;
}

type Part = Record<string, unknown>;
/** @returns the errcode for what is missing or too much */
type Validator = (part: Part) => number | undefined;

/** Of UTF-8. */
const maxTextBytes = 2_048;

/** What each type must carry. Source: the page of sendCustomMessage. */
const validators: ReadonlyMap<string, Validator> = new Map<string, Validator>([
  [
    'text',
    ({ content }) => {
      if (typeof content !== 'string' || content === '') return 44004;
      return Buffer.byteLength(content) > maxTextBytes ? 45002 : undefined;
    },
  ],
  [
    'news',
    ({ articles }) => {
      if (!Array.isArray(articles) || articles.length === 0) return 44003;
      // One only since 2018.
      if (articles.length > 1) return 45008;
      return isObject(articles[0]) ? undefined : 44003;
    },
  ],
  ['image', ({ media_id }) => mediaId(media_id)],
  ['voice', ({ media_id }) => mediaId(media_id)],
  ['video', ({ media_id }) => mediaId(media_id)],
  ['mpnews', ({ media_id }) => mediaId(media_id)],
  ['music', ({ thumb_media_id }) => mediaId(thumb_media_id)],
  ['mpnewsarticle', ({ article_id }) => mediaId(article_id)],
  ['msgmenu', ({ list }) => (Array.isArray(list) && list.length > 0 ? undefined : 40035)],
  ['wxcard', ({ card_id }) => (isFilled(card_id) ? undefined : 40035)],
  ['miniprogrampage', ({ appid, pagepath }) => (isFilled(appid) && isFilled(pagepath) ? undefined : 40035)],
]);

/** The form of a request, without regard to who it goes to: what it says, or the errcode that refuses it. */
export function parseSend({ text, isUtf8, json }: RequestBody): SendRequest | { errcode: number } {
  if (text === '') return { errcode: 44002 };
  if (!isUtf8 || hasEscapes(text)) return { errcode: 40033 };
  if (!isObject(json)) return { errcode: 47001 };
  const { touser, msgtype, ...body } = json;
  if (!isFilled(touser)) return { errcode: 40003 };
  const validate = isFilled(msgtype) ? validators.get(msgtype) : undefined;
  if (!isFilled(msgtype) || !validate) return { errcode: 40008 };
  const part = body[msgtype];
  const errcode = validate(isObject(part) ? part : {}) ?? validateMark(body.aimsgcontext);
  return errcode === undefined ? { touser, msgtype, body } : { errcode };
}

/** The mark of what a model wrote stands beside a message of any type. */
function validateMark(mark: unknown): number | undefined {
  if (mark === undefined) return undefined;
  return isObject(mark) && (mark.is_ai_msg === 0 || mark.is_ai_msg === 1) ? undefined : 40097;
}

/** The media that a message refers to. */
export function mediaIdsOf({ msgtype, body }: SendRequest): string[] {
  const part = body[msgtype];
  return isObject(part) ? [part.media_id, part.thumb_media_id].filter(isFilled) : [];
}

/**
 * Whether this user may be written to now: takes one message of the allowance if so, else says which errcode
 * refuses it.
 */
export function admit(openid: string, { unsubscribed, windows }: AccountState): number | undefined {
  if (unsubscribed.has(openid)) return 43004;
  const taken = windows.take(openid);
  return taken.ok ? undefined : taken.errcode;
}

/** Chinese must come as it is. An escaped backslash before a u is no escape of a character. */
export function hasEscapes(text: string): boolean {
  return text.includes('\\u') && /(?<!\\)(?:\\\\)*\\u[0-9a-f]{4}/i.test(text);
}

/** Any id in the form of WeChat's is good here; whether it is still known is for `mediaIdsOf` and who asks. */
function mediaId(id: unknown): number | undefined {
  return typeof id === 'string' && /^[\w-]+$/.test(id) ? undefined : 40007;
}
