import type { DeliveredMessage } from '../state/deliveries.js';
import type { Content } from './contract.js';
import { httpLink, partsOf } from './text-parts.js';

type Part = Readonly<Record<string, unknown>>;

/** Where the page finds a file, if it is still kept. */
export type PathOfMedia = (mediaId: string) => string | null;

type Rendering = (part: Part, pathOf: PathOfMedia) => Content;

const renderings: ReadonlyMap<string, Rendering> = new Map<string, Rendering>([
  ['text', ({ content }) => ({ kind: 'text', parts: partsOf(text(content)) })],
  ['image', ({ media_id }, pathOf) => ({ kind: 'image', path: pathOf(text(media_id)) })],
  ['voice', ({ media_id }, pathOf) => ({ kind: 'voice', path: pathOf(text(media_id)), words: '' })],
  [
    'video',
    ({ media_id, title, description }, pathOf) => ({
      kind: 'video',
      path: pathOf(text(media_id)),
      title: text(title),
      description: text(description),
    }),
  ],
  [
    'music',
    ({ title, description, musicurl, hqmusicurl }) => ({
      kind: 'music',
      title: text(title),
      description: text(description),
      link: httpLink(text(musicurl)) ?? httpLink(text(hqmusicurl)),
    }),
  ],
  ['news', ({ articles }) => article(Array.isArray(articles) ? articles[0] : undefined)],
  [
    'miniprogrampage',
    ({ title, pagepath }) => ({ kind: 'miniprogram', title: text(title), page: text(pagepath) }),
  ],
  ['msgmenu', menu],
]);

/** What the user sees of a message; of types that the phone does not draw, their description. */
export function contentOfAnswer({ msgtype, body, text: described }: DeliveredMessage, pathOf: PathOfMedia) {
  const rendering = renderings.get(msgtype);
  return rendering
    ? rendering(object(body[msgtype]), pathOf)
    : ({ kind: 'other', text: described } satisfies Content);
}

/** Whether the account says that a model wrote it. */
export function isByAi({ body }: DeliveredMessage): boolean {
  return object(body.aimsgcontext).is_ai_msg === 1;
}

/** A passive reply; only its text is read, for the simulated WeChat delivers none. */
export function contentOfPassiveReply(xml: string): Content {
  const content = /<Content>(?:<!\[CDATA\[([\s\S]*?)\]\]>|([^<]*))<\/Content>/.exec(xml);
  const text = content?.[1] ?? content?.[2];
  return text === undefined ? { kind: 'other', text: '[被动回复]' } : { kind: 'text', parts: partsOf(text) };
}

function article(value: unknown): Content {
  const { title, description, picurl, url } = object(value);
  return {
    kind: 'article',
    title: text(title),
    description: text(description),
    picture: httpLink(text(picurl)),
    link: httpLink(text(url)),
  };
}

function menu({ head_content, list, tail_content }: Part): Content {
  const entries = Array.isArray(list) ? list.map(object) : [];
  return {
    kind: 'menu',
    head: partsOf(text(head_content)),
    entries: entries.map(({ id, content }) => ({ id: text(id), text: text(content) })),
    tail: partsOf(text(tail_content)),
  };
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

function object(value: unknown): Part {
  return typeof value === 'object' && value !== null ? (value as Part) : {};
}
