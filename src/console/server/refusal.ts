import type Koa from 'koa';
import { ZodError } from 'zod';
import { isOutage } from '../../db/errors.js';
import { type InEachLanguage, say } from '../../lib/language.js';
import type { Logger } from '../../observe/log.js';
import type { ApiError } from '../contract/session.js';
import { languageOfRequest } from './language.js';

/** An answer that is no success: thrown by a route, written by `answerRefusals`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  /**
   * @param code what the page has words for
   * @param words for people
   * @param more beside them in the answer
   */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly words: InEachLanguage,
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(words.en);
  }
}

export const notFound = () => new Refusal(404, 'not_found', say('There is no such thing', '没有这个内容'));

/** Turns what is thrown below it into an ApiError. What nobody expected is logged, and nothing of it is told. */
export function answerRefusals(log: Logger): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.respond !== false && ctx.status === 404 && ctx.body === undefined) throw notFound();
    } catch (error) {
      const refusal = toRefusal(error);
      if (refusal.status >= 500)
        log.error({ event: 'console_failed', err: error, path: ctx.path }, 'the console could not answer');
      // The rest of a body that is too long would be taken for the next request.
      if (refusal.status === 413) ctx.set('connection', 'close');
      if (typeof refusal.more.retryAfterSeconds === 'number')
        ctx.set('retry-after', String(refusal.more.retryAfterSeconds));
      ctx.status = refusal.status;
      ctx.body = {
        ...refusal.more,
        error: refusal.code,
        message: refusal.words[languageOfRequest(ctx)],
      } satisfies ApiError;
    }
  };
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof ZodError) {
    const [first] = error.issues;
    const told = `${first?.path.join('.') ?? ''}: ${first?.message ?? ''}`;
    return new Refusal(400, 'invalid', say(`Not valid: ${told}`, `无效：${told}`));
  }
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  if (status === 413) return new Refusal(413, 'too_large', say('That is too much at once', '内容太大'));
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new Refusal(status, 'invalid', say('The request cannot be read', '请求无法读取'));
  if (isOutage(error) || isBeforeMigration(error))
    return new Refusal(503, 'database_away', say('The database does not answer', '数据库没有响应'));
  return new Refusal(500, 'failed', say('Something went wrong; the log says what', '出错了，详情见日志'));
}

/** The port listens before the database is migrated. */
function isBeforeMigration(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '42P01' || error.code === '3F000');
}
