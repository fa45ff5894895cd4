import type { Windows } from './windows.js';

export interface SendAnswer {
  errcode: number;
  errmsg: string;
}

interface SendRequest {
  touser: string;
  msgtype: string;
  body: Record<string, unknown>;
}

type Parsed = { ok: true; request: SendRequest } | { ok: false; answer: SendAnswer };

const maxTextBytes = 2_048;

/** What each type must carry; the code is WeChat's for its absence or excess. */
const validators: Readonly<Record<string, (part: Record<string, unknown>) => number | undefined>> = {
  text({ content }) {
    if (typeof content !== 'string' || content === '') return 44004;
    return Buffer.byteLength(content) > maxTextBytes ? 45002 : undefined;
  },
  news({ articles }) {
    if (!Array.isArray(articles) || articles.length === 0) return 44003;
    return articles.length > 1 ? 45008 : undefined;
  },
  image: mediaIdOnly,
  voice: mediaIdOnly,
  mpnews: mediaIdOnly,
  video: mediaIdOnly,
  music: ({ thumb_media_id }) => (typeof thumb_media_id === 'string' ? undefined : 40007),
  mpnewsarticle: ({ article_id }) => (typeof article_id === 'string' ? undefined : 40007),
  msgmenu: ({ list }) => (Array.isArray(list) && list.length > 0 ? undefined : 40035),
  wxcard: ({ card_id }) => (typeof card_id === 'string' ? undefined : 40035),
  miniprogrampage: ({ appid, pagepath }) =>
    typeof appid === 'string' && typeof pagepath === 'string' ? undefined : 40035,
};

function mediaIdOnly({ media_id }: Record<string, unknown>): number | undefined {
  return typeof media_id === 'string' && media_id !== '' ? undefined : 40007;
}

const texts: Readonly<Record<number, string>> = {
  0: 'ok',
  40003: 'invalid openid',
  40007: 'invalid media_id',
  40008: 'invalid message type',
  40033: 'invalid charset. please check your request, if include \\uxxxx will create fail!',
  40035: 'invalid parameter',
  43004: 'require subscribe',
  44003: 'empty news data',
  44004: 'empty content',
  45002: 'content size out of limit',
  45008: 'article size out of limit',
  45015: 'response out of time limit or subscription is canceled',
  45047: 'out of response count limit',
  47001: 'data format error',
};

function answer(errcode: number): SendAnswer {
  return { errcode, errmsg: texts[errcode] ?? 'error' };
}

/** The form of a request, without regard to who it goes to. */
export function parseSend(raw: string): Parsed {
  const refuse = (errcode: number): Parsed => ({ ok: false, answer: answer(errcode) });
  // Chinese must come as it is; escapes are seen in the raw body only.
  if (/(?<!\\)(?:\\\\)*\\u[0-9a-f]{4}/i.test(raw)) return refuse(40033);
  let body: unknown;
  try {
    body = JSON.parse(raw);
  } catch {
    return refuse(47001);
  }
  if (typeof body !== 'object' || body === null) return refuse(47001);
  const { touser, msgtype, ...rest } = body as Record<string, unknown>;
  if (typeof touser !== 'string' || touser === '') return refuse(40003);
  const validate = typeof msgtype === 'string' ? validators[msgtype] : undefined;
  if (!validate || typeof msgtype !== 'string') return refuse(40008);
  const errcode = validate((rest[msgtype] ?? {}) as Record<string, unknown>);
  if (errcode !== undefined) return refuse(errcode);
  return { ok: true, request: { touser, msgtype, body: rest } };
}

/** Whether this user may be written to now; takes one message of the allowance if so. */
export function admit(
  openid: string,
  followers: { isGone(openid: string): boolean },
  windows: Windows,
): SendAnswer {
  if (followers.isGone(openid)) return answer(43004);
  const taken = windows.take(openid);
  return answer(taken.ok ? 0 : taken.errcode);
}
