import { z } from 'zod';
import { type Reply, text } from '../wechat/out/reply.js';

/** What the reply logic returned cannot be sent at all; names the reply, its field, and what is wrong with it. */
export class InvalidReplyError extends Error {
  readonly code = 'INVALID_REPLY';
  constructor(problem: string) {
    super(problem);
    this.name = 'InvalidReplyError';
  }
}

/** What `handOver` was given is no reason. */
export class InvalidHandOverError extends Error {
  readonly code = 'INVALID_HAND_OVER';
  constructor(problem: string) {
    super(problem);
    this.name = 'InvalidHandOverError';
  }
}

const string = z.string({ error: 'must be a string' });
/** What a user gets to read. */
const shown = string.transform(withoutControls);
const filled = shown.refine((value) => value.trim() !== '', 'is empty');
const optional = shown.optional();
const filename = string.refine((value) => value.trim() !== '', 'is empty');
const url = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });
/** An empty one is the same as none. */
const optionalUrl = z.union([z.literal(''), url], { error: 'must be an http(s) URL' }).optional();
const media = z.union([filled, z.strictObject({ file: filename }), z.strictObject({ url })], {
  error: 'must be a media_id, { file: path } or { url: http(s) URL }',
});
const kfAccount = z
  .string({ error: 'must be a string' })
  .regex(/^[^@\s]+@[^@\s]+$/, 'must be name@account')
  .optional();

const isAi = z.boolean({ error: 'must be true or false' }).optional();

const article = z.object({ title: filled, description: optional, url: optionalUrl, picUrl: optionalUrl });
const entry = z.object({ id: filled, content: filled });

/** Every type of reply, and what it must carry. Unknown fields are dropped. */
const shapes = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), kfAccount, isAi, content: shown }),
  z.object({ type: z.literal('image'), kfAccount, isAi, media }),
  z.object({ type: z.literal('voice'), kfAccount, isAi, media }),
  z.object({
    type: z.literal('video'),
    kfAccount,
    isAi,
    media,
    thumb: media,
    title: optional,
    description: optional,
  }),
  z.object({
    type: z.literal('music'),
    kfAccount,
    isAi,
    musicUrl: url,
    hqMusicUrl: url.optional(),
    thumb: media,
    title: optional,
    description: optional,
  }),
  z.object({
    type: z.literal('news'),
    kfAccount,
    isAi,
    articles: z.array(article).min(1, 'must hold at least one'),
  }),
  z.object({ type: z.literal('mpnews'), kfAccount, isAi, mediaId: filled }),
  z.object({ type: z.literal('mpnewsarticle'), kfAccount, isAi, articleId: filled }),
  z.object({
    type: z.literal('msgmenu'),
    kfAccount,
    isAi,
    head: shown,
    entries: z.array(entry).min(1, 'must hold at least one'),
    tail: optional,
  }),
  z.object({ type: z.literal('wxcard'), kfAccount, isAi, cardId: filled }),
  z.object({
    type: z.literal('miniprogrampage'),
    kfAccount,
    isAi,
    title: filled,
    appId: filled,
    pagePath: filled,
    thumb: media,
  }),
]) satisfies z.ZodType<Reply>;

/** Escape sequences of terminals: colours and cursors (CSI), titles (OSC). Each part is bounded by what it begins with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what it looks for are control characters
const terminalSequence = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;
const control = /[^\P{Cc}\n\t]/gu;

/** WeChat refuses them (40033) or shows them; line breaks and tabs stay. */
export function withoutControls(text: string): string {
  if (text.search(control) < 0) return text;
  return text.replace(terminalSequence, '').replace(/\r\n?/g, '\n').replace(control, '');
}

const maxReasonLength = 200;

/** @throws InvalidHandOverError */
export function validateReason(value: unknown): string {
  if (typeof value !== 'string')
    throw new InvalidHandOverError(`handOver(reason): ${JSON.stringify(value)} is no text`);
  const reason = withoutControls(value).trim();
  if (reason === '') throw new InvalidHandOverError('handOver(reason): the reason is empty');
  if (reason.length <= maxReasonLength) return reason;
  throw new InvalidHandOverError(
    `handOver(reason): the reason has ${reason.length} characters, more than ${maxReasonLength}`,
  );
}

/**
 * Checks one thing that the reply logic returned: it may be plain JavaScript, so its type is not to be trusted. Control
 * characters go. A text may be blank: that is nothing to say.
 *
 * @param position of the reply in the result, from 1
 * @throws InvalidReplyError
 */
export function validateReply(value: unknown, position: number): Reply {
  const fail = (problem: string) => new InvalidReplyError(`reply ${position}${problem}`);
  if (typeof value === 'string') return validateReply(text(value), position);
  if (typeof value !== 'object' || value === null) {
    throw fail(` is ${JSON.stringify(value)}, not a reply or a string`);
  }
  const parsed = shapes.safeParse(value);
  if (parsed.success) return parsed.data;
  const type = 'type' in value ? value.type : undefined;
  const [issue] = parsed.error.issues;
  if (!issue || issue.path[0] === 'type') throw fail(` has the unknown type ${JSON.stringify(type)}`);
  throw fail(` (${String(type)}): ${issue.path.join('.')} ${issue.message}`);
}
