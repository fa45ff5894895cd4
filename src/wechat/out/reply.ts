/** What the reply logic may answer with, and its form on the wire. Source: customer-service API, custom/send. */

export interface TextReply {
  type: 'text';
  content: string;
}

/** What WeChat keeps files as. */
export type MediaType = 'image' | 'voice' | 'video' | 'thumb';

/**
 * A media_id, or a file or http(s) URL that is uploaded before it is sent. A file must stay where it is until the
 * message is settled.
 */
export type Media = string | MediaSource;

export type MediaSource = { file: string } | { url: string };

export interface MediaReply {
  type: 'image' | 'voice';
  media: Media;
}

export interface VideoReply {
  type: 'video';
  media: Media;
  /** The picture shown before it plays: JPEG, 64 KB at most. */
  thumb: Media;
  title?: string | undefined;
  description?: string | undefined;
}

export interface MusicReply {
  type: 'music';
  musicUrl: string;
  /** Preferred on Wi-Fi; the same as musicUrl when absent. */
  hqMusicUrl?: string | undefined;
  thumb: Media;
  title?: string | undefined;
  description?: string | undefined;
}

export interface NewsReply {
  type: 'news';
  /** The API takes one article a message since 2018; several are sent as several messages (see replies/fit.ts). */
  articles: readonly Article[];
}

export interface Article {
  title: string;
  description?: string | undefined;
  /** Where a tap leads. */
  url?: string | undefined;
  picUrl?: string | undefined;
}

/** An article kept at WeChat, by the media_id of its draft. */
export interface MpNewsReply {
  type: 'mpnews';
  mediaId: string;
}

/** A published article, by its id. */
export interface MpNewsArticleReply {
  type: 'mpnewsarticle';
  articleId: string;
}

/** A question with answers to tap; a tap comes back as a text with `menuId` set. */
export interface MenuReply {
  type: 'msgmenu';
  head: string;
  entries: readonly { id: string; content: string }[];
  tail?: string | undefined;
}

export interface CardReply {
  type: 'wxcard';
  cardId: string;
}

export interface MiniProgramReply {
  type: 'miniprogrampage';
  title: string;
  appId: string;
  pagePath: string;
  thumb: Media;
}

/** Shown as coming from this customer-service account: name@account. */
interface FromAgent {
  kfAccount?: string | undefined;
}

/** Written by a model: WeChat shows a grey line under it that says so. Whatever its type. */
interface ByAi {
  isAi?: boolean | undefined;
}

export type Reply = FromAgent &
  ByAi &
  (
    | TextReply
    | MediaReply
    | VideoReply
    | MusicReply
    | NewsReply
    | MpNewsReply
    | MpNewsArticleReply
    | MenuReply
    | CardReply
    | MiniProgramReply
  );

/**
 * The body for custom/send without `touser`; this is what a delivery stores. In the place of a media_id it may hold a
 * MediaSource, which is uploaded when its turn comes.
 */
export interface WirePayload {
  msgtype: string;
  [name: string]: unknown;
}

export const text = (content: string): TextReply => ({ type: 'text', content });
export const news = (...articles: readonly Article[]): NewsReply => ({ type: 'news', articles });
export const image = (media: Media): MediaReply => ({ type: 'image', media });
export const voice = (media: Media): MediaReply => ({ type: 'voice', media });
export const video = (fields: Omit<VideoReply, 'type'>): VideoReply => ({ type: 'video', ...fields });
export const music = (fields: Omit<MusicReply, 'type'>): MusicReply => ({ type: 'music', ...fields });
export const mpNews = (mediaId: string): MpNewsReply => ({ type: 'mpnews', mediaId });
export const mpNewsArticle = (articleId: string): MpNewsArticleReply => ({
  type: 'mpnewsarticle',
  articleId,
});
export const menu = (fields: Omit<MenuReply, 'type'>): MenuReply => ({ type: 'msgmenu', ...fields });
export const card = (cardId: string): CardReply => ({ type: 'wxcard', cardId });
export const miniProgram = (fields: Omit<MiniProgramReply, 'type'>): MiniProgramReply => ({
  type: 'miniprogrampage',
  ...fields,
});

/** The reply as said by an agent, e.g. `fromAgent('anna@shop', text('Hi'))`. */
export function fromAgent(kfAccount: string, reply: Reply): Reply {
  return { ...reply, kfAccount };
}

/** The reply with WeChat's mark of what a model wrote. */
export function byAi(reply: Reply): Reply {
  return { ...reply, isAi: true };
}

export function toWire(reply: Reply): WirePayload {
  return {
    msgtype: reply.type,
    [reply.type]: content(reply),
    ...(reply.kfAccount === undefined ? {} : { customservice: { kf_account: reply.kfAccount } }),
    ...(reply.isAi ? { aimsgcontext: { is_ai_msg: 1 } } : {}),
  };
}

function content(reply: Reply): Record<string, unknown> {
  switch (reply.type) {
    case 'text':
      return { content: reply.content };
    case 'image':
    case 'voice':
      return { media_id: reply.media };
    case 'mpnews':
      return { media_id: reply.mediaId };
    case 'video': {
      const { media, thumb, title = '', description = '' } = reply;
      return { media_id: media, thumb_media_id: thumb, title, description };
    }
    case 'music': {
      const { musicUrl, hqMusicUrl = musicUrl, thumb, title = '', description = '' } = reply;
      return { title, description, musicurl: musicUrl, hqmusicurl: hqMusicUrl, thumb_media_id: thumb };
    }
    case 'news':
      return {
        articles: reply.articles.map(({ title, description = '', url = '', picUrl = '' }) => ({
          title,
          description,
          url,
          picurl: picUrl,
        })),
      };
    case 'mpnewsarticle':
      return { article_id: reply.articleId };
    case 'msgmenu':
      return { head_content: reply.head, list: reply.entries, tail_content: reply.tail ?? '' };
    case 'wxcard':
      return { card_id: reply.cardId };
    case 'miniprogrampage': {
      const { title, appId, pagePath, thumb } = reply;
      return { title, appid: appId, pagepath: pagePath, thumb_media_id: thumb };
    }
  }
}

/** How JSON.stringify writes what nobody takes (and, doubled, the backslash of a text that only looks like it). */
const escaped = /\\u(?:0000|d[89a-f])/;

/**
 * A payload as JSON that Postgres takes and WeChat, which refuses \uXXXX (40033, 47002): no NULs, no halves of surrogate pairs, such
 * as a text has that was cut in the middle of a picture.
 */
export function encodePayload(payload: WirePayload): string {
  const json = JSON.stringify(payload);
  if (!escaped.test(json)) return json;
  return JSON.stringify(payload, (_name, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value,
  );
}
