import type Koa from 'koa';
import { describeError } from '../lib/describe-error.js';
import type { Logger } from '../observe/log.js';
import type { AcceptedReply, AcceptReply } from '../outbox/reply-callback.js';
import { parseAnswer, readAnswer } from '../replies/http/answer.js';
import { hashOf } from '../replies/http/callbacks.js';
import { readBody } from './request.js';

/** Where back ends post the replies that they promised (202). The token in the path is all that they have to show. */
export type ReplyCallbackRoute = (ctx: Koa.Context, token: string) => Promise<void>;

export interface ReplyCallbackDependencies {
  accept: AcceptReply;
  log: Logger;
}

/** 32 bytes in base64url. */
const wellFormed = /^[A-Za-z0-9_-]{43}$/;

const unknown = { status: 404, error: 'there is no such callback: its token is wrong, or it ended long ago' };

/** What each result is told as; `open` is said with what is wrong with the body. */
const responses: Readonly<
  Record<Exclude<AcceptedReply['result'], 'open'>, { status: number; error?: string }>
> = {
  accepted: { status: 200 },
  repeated: { status: 200 },
  conflict: { status: 409, error: 'another answer to this message was accepted before' },
  expired: { status: 410, error: 'too late: the message waits for no answer any more' },
  unknown,
};

export function createReplyCallbackRoute({ accept, log }: ReplyCallbackDependencies): ReplyCallbackRoute {
  async function respondTo(ctx: Koa.Context, token: string): Promise<{ status: number; error?: string }> {
    if (!wellFormed.test(token)) return unknown;
    const body = await readBody(ctx);
    if (!body.ok) return { status: body.response.status, error: body.response.text };
    const read = check(body.text);
    let accepted: AcceptedReply;
    try {
      accepted = await accept(hashOf(token), hashOf(body.text), read.ok ? read : undefined);
    } catch (error) {
      log.error({ event: 'reply_callback_failed', err: error }, 'a callback could not be stored');
      return { status: 503, error: 'not stored, try again' };
    }
    const { result } = accepted;
    const response =
      result === 'open' ? { status: 422, error: read.ok ? 'no answer' : read.problem } : responses[result];
    if (accepted.result !== 'unknown')
      log.info(
        {
          event: 'reply_callback',
          app_id: accepted.appId,
          message_id: accepted.messageId,
          result: result === 'open' ? 'invalid' : result,
          error: response.error,
        },
        'reply callback',
      );
    return response;
  }

  return async (ctx, token) => {
    const { status, error } = await respondTo(ctx, token);
    ctx.status = status;
    ctx.set('cache-control', 'no-store');
    ctx.body = error === undefined ? { status: 'accepted' } : { error };
  };
}

/** As it will be read when it is sent: what is wrong is told now, to who can mend it. */
function check(body: string): { ok: true; value: unknown } | { ok: false; problem: string } {
  try {
    const value = parseAnswer(body);
    readAnswer(value);
    return { ok: true, value };
  } catch (error) {
    return { ok: false, problem: describeError(error) };
  }
}
