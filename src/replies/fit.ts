import type { Reply } from '../wechat/out/reply.js';
import type { ReplyResult } from './router.js';
import { validateReply } from './validate.js';

/** Bytes of UTF-8 that the API takes in one text message. */
export const maxTextBytes = 2_048;

export interface FitOptions {
  /** Messages that the reply window allows; undefined where that is not known. */
  quota?: number | undefined;
  /** What becomes of a reply with more messages. */
  onOverflow: 'cut' | 'refuse';
  /** Ends what was cut. */
  notice: string;
}

export type Fitted =
  /** `cut` says what had to be left out, if anything. */
  { kind: 'fits'; replies: Reply[]; cut: string | undefined } | { kind: 'refused'; problem: string };

/** Bytes of UTF-8 that a reply may have in all its texts; more would be dozens of messages, and no user's answer. */
const maxReplyBytes = 65_536;

/**
 * Brings what the reply logic returned into the form that the API takes: long text is split, and so are several
 * articles, which the API refuses in one message since 2018. Order is kept. What is nothing (undefined, null, false, blanks,
 * an empty list) is left out. What exceeds the allowance of the reply window is cut, with the last message saying so, or
 * refused; nothing beyond it is computed.
 *
 * @throws InvalidReplyError when it is no reply at all
 */
export function fitReplies(result: ReplyResult, { quota, onOverflow, notice }: FitOptions): Fitted {
  const given = toReplies(result);
  const bytes = given.reduce((sum, reply) => sum + textBytes(reply), 0);
  if (bytes > maxReplyBytes) {
    const count = (number: number) => number.toLocaleString('en');
    return {
      kind: 'refused',
      problem: `the reply has ${count(bytes)} bytes of text, and at most ${count(maxReplyBytes)} can be sent`,
    };
  }
  const { replies, isWhole } = split(given, quota === undefined ? Number.POSITIVE_INFINITY : quota + 1);
  if (quota === undefined || replies.length <= quota) return { kind: 'fits', replies, cut: undefined };
  const problem = `${isWhole ? '' : 'at least '}${replies.length} messages, and the reply window allows ${quota}`;
  if (onOverflow === 'refuse') return { kind: 'refused', problem: `the reply has ${problem}` };
  return { kind: 'fits', replies: cutTo(replies, quota, notice), cut: `the reply was cut: ${problem}` };
}

/** Each checked and cleaned; without those that say nothing. */
function toReplies(result: ReplyResult): Reply[] {
  const replies = Array.isArray(result) ? (result as readonly unknown[]) : [result];
  return replies.flatMap((reply, index) => {
    if (reply === undefined || reply === null || reply === false) return [];
    const valid = validateReply(reply, index + 1);
    return valid.type === 'text' && valid.content.trim() === '' ? [] : [valid];
  });
}

/** Of all strings in it but the name of its type. */
function textBytes({ type: _type, ...content }: Reply): number {
  return stringBytes(content);
}

function stringBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, inner) => sum + stringBytes(inner), 0);
}

/**
 * The messages that replies come to. Beyond `enough` of them each text counts as one, whatever its length: then they are
 * not whole, and there are at least so many.
 */
function split(given: readonly Reply[], enough: number): { replies: Reply[]; isWhole: boolean } {
  const replies: Reply[] = [];
  let isWhole = true;
  for (const reply of given) {
    const left = Math.max(enough - replies.length, 1);
    const parts = fitOne(reply, left);
    if (reply.type === 'text' && parts.length === left && Buffer.byteLength(reply.content) > maxTextBytes) {
      isWhole = false;
    }
    replies.push(...parts);
  }
  return { replies, isWhole };
}

/** The last message that may be sent tells of the cut: at its end if it is text, in its place if not. */
function cutTo(replies: readonly Reply[], quota: number, notice: string): Reply[] {
  const kept = replies.slice(0, quota);
  const last = kept.pop();
  if (!last) return [];
  if (notice === '') return [...kept, last];
  if (last.type !== 'text') return [...kept, { type: 'text', kfAccount: last.kfAccount, content: notice }];
  const [beginning = ''] = splitText(last.content, maxTextBytes - Buffer.byteLength(notice), 1);
  return [...kept, { ...last, content: beginning + notice }];
}

function fitOne(reply: Reply, maxParts: number): Reply[] {
  if (reply.type === 'text') {
    return splitText(reply.content, maxTextBytes, maxParts).map((content) => ({ ...reply, content }));
  }
  if (reply.type === 'news') return reply.articles.map((article) => ({ ...reply, articles: [article] }));
  return [reply];
}

/** Where a text may be cut, the best place first. The cut is behind the match. */
const cuts = [/\n[ \t]*\n+/g, /\n+/g, /[。！？!?…]+[”’"')）]*|\.\s/g, /[\s，、；：,;:]+/g];

/**
 * Splits a text into parts of at most `maxBytes` of UTF-8: at a paragraph, a line, a sentence, a word, or between
 * two characters, in that order; never inside a link, unless the link alone is longer than a part may be. For each part it
 * looks no further than twice its length, so the time grows with the length of the text.
 *
 * @param maxParts what comes after so many is left out
 */
export function splitText(content: string, maxBytes: number, maxParts = Number.POSITIVE_INFINITY): string[] {
  const parts: string[] = [];
  let rest = content;
  while (parts.length < maxParts && isLonger(rest, maxBytes)) {
    const longest = prefixWithin(rest, maxBytes);
    const links = linksIn(rest.slice(0, 2 * maxBytes));
    const at = outsideLinks(links, bestCut(longest)) || outsideLinks(links, longest.length) || longest.length;
    const part = rest.slice(0, at).trimEnd();
    if (part !== '') parts.push(part);
    rest = rest.slice(at).trimStart();
  }
  if (parts.length < maxParts && rest.trim() !== '') parts.push(rest);
  return parts;
}

/** A UTF-16 unit is one byte or more: what has more units need not be counted. */
function isLonger(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || Buffer.byteLength(text) > maxBytes;
}

/** The last good place to cut in the latter half (a very short part would waste a message of the quota). */
function bestCut(text: string): number {
  for (const cut of cuts) {
    let last = 0;
    for (const match of text.matchAll(cut)) last = match.index + match[0].length;
    if (last > text.length / 2) return last;
  }
  return text.length;
}

interface Span {
  start: number;
  end: number;
}

/** From each beginning of a link to the next end of one. One pass: a text may hold thousands of beginnings and no end. */
function linksIn(text: string): Span[] {
  const links: Span[] = [];
  let start: number | undefined;
  for (const { 0: tag, index } of text.matchAll(/<a\b|<\/a>/gi)) {
    if (tag !== '</a>' && tag !== '</A>') {
      start ??= index;
    } else if (start !== undefined) {
      links.push({ start, end: index + tag.length });
      start = undefined;
    }
  }
  return links;
}

/** `at`, or the start of the link that it falls into. */
function outsideLinks(links: readonly Span[], at: number): number {
  return links.find(({ start, end }) => start < at && end > at)?.start ?? at;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The longest beginning of at most `maxBytes`, cut between characters as a reader sees them where possible. */
function prefixWithin(text: string, maxBytes: number): string {
  const candidate = text.slice(0, maxBytes);
  const end = endWithin(
    Array.from(graphemes.segment(candidate), ({ segment }) => segment),
    maxBytes,
  );
  // One cluster of marks may fill a whole part: then between code points. And one of these at least, or it would never end.
  const [first = ''] = candidate;
  return text.slice(0, end || endWithin(candidate, maxBytes) || first.length);
}

/** How many UTF-16 units of these pieces fit into `maxBytes`. */
function endWithin(pieces: Iterable<string>, maxBytes: number): number {
  let bytes = 0;
  let end = 0;
  for (const piece of pieces) {
    bytes += Buffer.byteLength(piece);
    if (bytes > maxBytes) break;
    end += piece.length;
  }
  return end;
}
