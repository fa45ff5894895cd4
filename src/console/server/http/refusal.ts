import type Koa from 'koa';
import { classifyDatabaseError } from '../../../db/errors.js';
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

/** Answers what is thrown below it as ApiError; what is not ours to answer goes on to whoever mounted the area. */
export const answerRefusals: Koa.Middleware = async (ctx, next) => {
  try {
    await next();
  } catch (error) {
    const answer = toAnswer(error, ctx);
    if (!answer) throw error;
    const { status, ...body } = answer;
    ctx.status = status;
    ctx.set('cache-control', 'no-store');
    ctx.body = body satisfies ApiError;
  }
};

function toAnswer(error: unknown, ctx: Koa.Context): (ApiError & { status: number }) | undefined {
  if (error instanceof Refusal) return { status: error.status, error: error.error, message: error.message };
  const { refusals } = wordsFor(ctx);
  switch (classifyDatabaseError(error)) {
    case 'slow':
      return { status: 503, error: 'too_slow', message: refusals.tooSlow };
    case 'other':
      return undefined;
    default:
      return { status: 503, error: 'database_away', message: refusals.databaseAway };
  }
}
