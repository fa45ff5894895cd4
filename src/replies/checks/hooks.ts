import type { Reply } from '../../wechat/out/reply.js';
import type { BeforeSend } from '../router.js';
import { InvalidReplyError, validateReason, validateReply } from '../validate.js';
import type { Check, Verdict } from './check.js';

/**
 * A `beforeSend` of a module as a check. It may be plain JavaScript: what it returned is checked as replies are.
 *
 * @throws InvalidReplyError for what is none of its answers; InvalidHandOverError
 */
export function hookCheck(beforeSend: BeforeSend): Check {
  return async (reply, context, position) => toVerdict(await beforeSend(reply, context), reply, position);
}

function toVerdict(result: unknown, reply: Reply, position: number): Verdict {
  if (result === undefined) return { kind: 'pass', reply };
  if (result === false) return { kind: 'takeOut' };
  if (typeof result === 'object' && result !== null) {
    if ('refuse' in result) return { kind: 'refuse', reason: reasonOf(result.refuse) };
    if ('handOver' in result) return { kind: 'handOver', reason: validateReason(result.handOver) };
  }
  const changed = validateReply(typeof result === 'string' ? inOtherWords(reply, result) : result, position);
  return changed.type === 'text' && changed.content.trim() === ''
    ? { kind: 'takeOut' }
    : { kind: 'pass', reply: changed };
}

/** Other words make nobody else the one who says them: an agent, or a model, whose mark stays. */
function inOtherWords({ kfAccount, isAi }: Reply, content: string): Reply {
  return {
    type: 'text',
    content,
    ...(kfAccount === undefined ? {} : { kfAccount }),
    ...(isAi === undefined ? {} : { isAi }),
  };
}

const maxReasonLength = 500;

function reasonOf(value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '')
    throw new InvalidReplyError(`beforeSend: refuse needs a reason, and ${JSON.stringify(value)} is none`);
  return value.trim().slice(0, maxReasonLength);
}
