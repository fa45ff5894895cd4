import type Koa from 'koa';
import { classifyDatabaseError } from '../../../db/errors.js';
import type { Logger } from '../../../observe/log.js';
import type { ApiError } from '../../contract/session.js';
import { wordsFor } from '../words/index.js';

/** Thrown where a request is not carried out: the status, a code that the page has words for, and words of ours. */
export class Refusal extends Error {
  readonly code = 'REFUSED';
  constructor(
    readonly status: 400 | 403 | 404 | 409 | 429 | 502 | 503,
    readonly error: string,
    message: string,
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

/** Answers what is thrown below it as ApiError. Of what nobody expected, only the log says more. */
export function answerRefusals(log: Pick<Logger, 'error'>): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const { status, ...body } = toAnswer(error, ctx);
      if (status === 500)
        log.error({ event: 'console_failed', path: ctx.path, err: error }, 'console request failed');
      ctx.status = status;
      ctx.set('cache-control', 'no-store');
      ctx.body = body satisfies ApiError;
    }
  };
}

function toAnswer(error: unknown, ctx: Koa.Context): ApiError & { status: number } {
  if (error instanceof Refusal) return { status: error.status, error: error.error, message: error.message };
  const { refusals } = wordsFor(ctx);
  switch (classifyDatabaseError(error)) {
    case 'slow':
      return { status: 503, error: 'too_slow', message: refusals.tooSlow };
    case 'other':
      return { status: 500, error: 'failed', message: refusals.failed };
    default:
      return { status: 503, error: 'database_away', message: refusals.databaseAway };
  }
}
