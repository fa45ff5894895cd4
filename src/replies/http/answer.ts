import { describeError } from '../../lib/describe-error.js';
import type { Reply } from '../../wechat/out/reply.js';
import { fitReplies } from '../fit.js';
import type { ReplyResult } from '../router.js';
import { validateReason } from '../validate.js';

/** What a back end said, checked. */
export type BackEndAnswer =
  /** It is not its to answer: the next source is asked. */
  { kind: 'next' } | { kind: 'replies'; replies: readonly Reply[]; handOver: string | undefined };

/** It is no answer at all; says what is wrong with it. */
export class InvalidAnswerError extends Error {
  readonly code = 'INVALID_ANSWER';
  constructor(problem: string) {
    super(problem);
    this.name = 'InvalidAnswerError';
  }
}

/**
 * Parses a body. What Postgres or WeChat cannot take goes: NULs and halves of characters, which JSON can escape.
 *
 * @throws InvalidAnswerError
 */
export function parseAnswer(body: string): unknown {
  const clean = (_key: string, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '') : value;
  try {
    return JSON.parse(body, body.includes('\\u') ? clean : undefined);
  } catch (error) {
    const problem = body.trim() === '' ? 'it is empty: 204 is nothing to say' : describeError(error);
    throw new InvalidAnswerError(`the answer is no JSON: ${problem}`);
  }
}

const known = new Set(['replies', 'handOver', 'next']);

/**
 * Reads what a back end answered, as parsed JSON: a string, a reply, a list of them, `{ replies, handOver }` or `{ next: true }`;
 * null is nothing to say.
 *
 * @throws InvalidAnswerError, InvalidReplyError or InvalidHandOverError, saying what is wrong
 */
export function readAnswer(value: unknown): BackEndAnswer {
  if (!isEnvelope(value)) return { kind: 'replies', replies: readReplies(value), handOver: undefined };
  const strange = Object.keys(value).filter((key) => !known.has(key));
  if (strange.length > 0)
    throw new InvalidAnswerError(
      `the answer has ${strange.join(', ')}: a reply has a type, and other answers have replies, handOver or next`,
    );
  if (value.next !== undefined) return readNext(value);
  const { replies, handOver } = value;
  return {
    kind: 'replies',
    replies: readReplies(replies),
    handOver: handOver === undefined || handOver === null ? undefined : validateReason(handOver),
  };
}

function readNext({ next, ...others }: Record<string, unknown>): BackEndAnswer {
  if (next !== true) throw new InvalidAnswerError(`next is ${JSON.stringify(next)}: it must be true`);
  if (Object.keys(others).length > 0)
    throw new InvalidAnswerError('next leaves the message to another source: nothing may stand beside it');
  return { kind: 'next' };
}

/** An object that is no reply by itself. */
function isEnvelope(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('type' in value);
}

function readReplies(value: unknown): readonly Reply[] {
  // Only what no window allows is left to whoever sends it.
  const fitted = fitReplies(value as ReplyResult, { onOverflow: 'refuse', notice: '' });
  if (fitted.kind === 'refused') throw new InvalidAnswerError(fitted.problem);
  for (const [index, reply] of fitted.replies.entries()) refuseFiles(reply, index + 1);
  return fitted.replies;
}

/** A path means a file of the worker's machine, which a back end has no business to name. */
function refuseFiles(reply: Reply, position: number): void {
  for (const [field, value] of Object.entries(reply)) {
    if (typeof value === 'object' && value !== null && 'file' in value)
      throw new InvalidAnswerError(
        `reply ${position} (${reply.type}): ${field}.file names a file of this machine: give a media_id or a url`,
      );
  }
}
