/** What the reply logic may answer with, and its form on the wire. Source: customer-service API, custom/send. */

export interface TextReply {
  type: 'text';
  content: string;
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

export interface MediaReply {
  type: 'image' | 'voice';
  mediaId: string;
}

export type Reply = TextReply | NewsReply | MediaReply;

/** The body for custom/send without `touser`; this is what a delivery stores. */
export interface WirePayload {
  msgtype: string;
  [name: string]: unknown;
}

export function text(content: string): TextReply {
  return { type: 'text', content };
}

export function news(...articles: readonly Article[]): NewsReply {
  return { type: 'news', articles };
}

export function image(mediaId: string): MediaReply {
  return { type: 'image', mediaId };
}

export function voice(mediaId: string): MediaReply {
  return { type: 'voice', mediaId };
}

export function toWire(reply: Reply): WirePayload {
  switch (reply.type) {
    case 'text':
      return { msgtype: 'text', text: { content: reply.content } };
    case 'news':
      return {
        msgtype: 'news',
        news: {
          articles: reply.articles.map(({ title, description, url, picUrl }) => ({
            title,
            description: description ?? '',
            url: url ?? '',
            picurl: picUrl ?? '',
          })),
        },
      };
    case 'image':
    case 'voice':
      return { msgtype: reply.type, [reply.type]: { media_id: reply.mediaId } };
  }
}

/** A payload as JSON that Postgres takes as well: no NULs, no halves of surrogate pairs. */
export function encodePayload(payload: WirePayload): string {
  return JSON.stringify(payload, (_name, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value,
  );
}
