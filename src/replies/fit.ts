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

/**
 * Brings what the reply logic returned into the form that the API takes: long text is split, and so are several
 * articles, which the API refuses in one message since 2018. Order is kept. What exceeds the allowance of the reply
 * window is cut, with the last message saying so, or refused.
 *
 * @throws InvalidReplyError when it is no reply at all, or an empty one
 */
export function fitReplies(result: ReplyResult, { quota, onOverflow, notice }: FitOptions): Fitted {
  const replies = toReplies(result);
  if (quota === undefined || replies.length <= quota) return { kind: 'fits', replies, cut: undefined };
  const problem = `${replies.length} messages, and the reply window allows ${quota}`;
  if (onOverflow === 'refuse') return { kind: 'refused', problem: `the reply has ${problem}` };
  return { kind: 'fits', replies: cutTo(replies, quota, notice), cut: `the reply was cut: ${problem}` };
}

function toReplies(result: ReplyResult): Reply[] {
  if (result === undefined || result === null) return [];
  const replies = Array.isArray(result) ? (result as readonly unknown[]) : [result];
  return replies.flatMap((reply, index) => fitOne(validateReply(reply, index + 1)));
}

/** The last message that may be sent tells of the cut: at its end if it is text, in its place if not. */
function cutTo(replies: readonly Reply[], quota: number, notice: string): Reply[] {
  const kept = replies.slice(0, quota);
  const last = kept.pop();
  if (!last) return [];
  if (notice === '') return [...kept, last];
  if (last.type !== 'text') return [...kept, { type: 'text', kfAccount: last.kfAccount, content: notice }];
  const [beginning = ''] = splitText(last.content, maxTextBytes - Buffer.byteLength(notice));
  return [...kept, { ...last, content: beginning + notice }];
}

function fitOne(reply: Reply): Reply[] {
  if (reply.type === 'text') {
    return splitText(reply.content, maxTextBytes).map((content) => ({ ...reply, content }));
  }
  if (reply.type === 'news') return reply.articles.map((article) => ({ ...reply, articles: [article] }));
  return [reply];
}

/** Where a text may be cut, the best place first. The cut is behind the match. */
const cuts = [/\n[ \t]*\n+/g, /\n+/g, /[。！？!?…]+[”’"')）]*|\.\s/g, /[\s，、；：,;:]+/g];

/**
 * Splits a text into parts of at most `maxBytes` of UTF-8: at a paragraph, a line, a sentence, a word, or between
 * two characters, in that order; never inside a link, unless the link alone is longer than a part may be.
 */
export function splitText(content: string, maxBytes: number): string[] {
  const parts: string[] = [];
  let rest = content;
  while (Buffer.byteLength(rest) > maxBytes) {
    const longest = prefixWithin(rest, maxBytes);
    const at = outsideLinks(rest, bestCut(longest)) || outsideLinks(rest, longest.length) || longest.length;
    const part = rest.slice(0, at).trimEnd();
    if (part !== '') parts.push(part);
    rest = rest.slice(at).trimStart();
  }
  if (rest.trim() !== '') parts.push(rest);
  return parts;
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

/** `at`, or the start of the link that it falls into. */
function outsideLinks(text: string, at: number): number {
  for (const link of text.matchAll(/<a\b[^>]*>[\s\S]*?<\/a>/gi)) {
    if (link.index >= at) break;
    if (link.index + link[0].length > at) return link.index;
  }
  return at;
}

/** The longest beginning of at most `maxBytes`, cut between characters as a reader sees them where possible. */
function prefixWithin(text: string, maxBytes: number): string {
  // A UTF-16 unit is one byte or more: no prefix can be longer than this.
  const candidate = text.slice(0, maxBytes);
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  let bytes = 0;
  let end = 0;
  for (const { segment, index } of graphemes.segment(candidate)) {
    bytes += Buffer.byteLength(segment);
    if (bytes > maxBytes) break;
    end = index + segment.length;
  }
  // One cluster of marks may fill a whole part: then between code points.
  if (end === 0) {
    for (const character of candidate) {
      if (Buffer.byteLength(candidate.slice(0, end + character.length)) > maxBytes) break;
      end += character.length;
    }
  }
  return text.slice(0, end);
}
