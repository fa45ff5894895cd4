import type { CurrentMenu } from '../menu/fetch.js';
import { isObject, listOf, text } from '../menu/menu.js';

/** An article of the console's. */
export interface ConsoleArticle {
  title: string;
  digest: string;
  coverUrl: string;
  contentUrl: string;
}

/** One thing that the console answers with; `other`: a type that we do not know. */
export type ConsoleReply =
  | { kind: 'text'; content: string }
  | { kind: 'image' | 'voice'; mediaId: string }
  /** A media_id or a URL. */
  | { kind: 'video'; content: string }
  | { kind: 'news'; mediaId: string; articles: readonly ConsoleArticle[] }
  | { kind: 'other'; type: string };

/** What a rule of the console answers to; `click`: a button whose answer the console keeps. */
export type ConsoleCondition =
  | { kind: 'subscribe' }
  | { kind: 'keywords'; name: string; equals: readonly string[]; contains: readonly string[] }
  | { kind: 'click'; name: string; key: string }
  /** Whatever no other answers. */
  | { kind: 'default' };

export interface ConsoleRule {
  condition: ConsoleCondition;
  replies: readonly ConsoleReply[];
  /** One of the replies, by chance, instead of all. */
  isRandom: boolean;
}

export interface ConsoleReplies {
  /** That of new followers first, then keywords in the console's order, then the menu; the default at the end. */
  rules: readonly ConsoleRule[];
  /** Keywords and default are switched off. */
  isOff: boolean;
}

type Unknown = Readonly<Record<string, unknown>>;

/** @param info what get_current_autoreply_info told; parts of it may be missing */
export function readConsoleReplies(info: Unknown, menu: Pick<CurrentMenu, 'answered'>): ConsoleReplies {
  const subscribe = single(info.add_friend_autoreply_info, { kind: 'subscribe' });
  const fallback = single(info.message_default_autoreply_info, { kind: 'default' });
  const keywords = isObject(info.keyword_autoreply_info) ? listOf(info.keyword_autoreply_info.list) : [];
  const clicks = [...menu.answered].map(
    ([{ name, key = '' }, { type, value, articles }]): ConsoleRule => ({
      condition: { kind: 'click', name, key },
      replies: [toReply({ type, content: value, news_info: articles })],
      isRandom: false,
    }),
  );
  return {
    rules: [...subscribe, ...keywords.map(toRule), ...clicks, ...fallback],
    isOff: text(info.is_autoreply_open) === '0',
  };
}

function single(reply: unknown, condition: ConsoleCondition): ConsoleRule[] {
  return isObject(reply) ? [{ condition, replies: [toReply(reply)], isRandom: false }] : [];
}

function toRule(rule: Unknown, place: number): ConsoleRule {
  const keywords = listOf(rule.keyword_list_info).map(({ match_mode, content }) => ({
    isEqual: match_mode === 'equal',
    word: text(content).trim(),
  }));
  const words = (isEqual: boolean) => [
    ...new Set(keywords.filter((one) => one.isEqual === isEqual && one.word !== '').map(({ word }) => word)),
  ];
  const name = text(rule.rule_name).trim();
  return {
    condition: {
      kind: 'keywords',
      name: name === '' ? String(place + 1) : name,
      equals: words(true),
      contains: words(false),
    },
    replies: listOf(rule.reply_list_info).map(toReply),
    isRandom: rule.reply_mode === 'random_one',
  };
}

function toReply(reply: Unknown): ConsoleReply {
  const type = text(reply.type);
  const content = text(reply.content);
  switch (type) {
    case 'text':
      return { kind: 'text', content };
    case 'img':
    case 'image':
    case 'photo':
      return { kind: 'image', mediaId: content };
    case 'voice':
      return { kind: 'voice', mediaId: content };
    case 'video':
      return { kind: 'video', content };
    case 'news':
      return { kind: 'news', mediaId: content, articles: listOf(reply.news_info).map(toArticle) };
    default:
      return { kind: 'other', type };
  }
}

function toArticle({ title, digest, cover_url, content_url }: Unknown): ConsoleArticle {
  return {
    title: text(title),
    digest: text(digest),
    coverUrl: text(cover_url),
    contentUrl: text(content_url),
  };
}
