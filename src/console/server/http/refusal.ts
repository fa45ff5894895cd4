import type Koa from 'koa';
import { classifyDatabaseError } from '../../../db/errors.js';
import { type InEachLanguage, say } from '../../../lib/language.js';
import type { Logger } from '../../../observe/log.js';
import type { ApiError } from '../../contract/session.js';
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

export const badRequest = (english: string, chinese: string) =>
  new Refusal(400, 'bad_request', say(english, chinese));

export const notFound = () => new Refusal(404, 'not_found', say('There is no such thing', '没有这个内容'));

export const noAccount = (appId: string) =>
  new Refusal(
    404,
    'no_account',
    say(`The account ${appId} is not among the settings`, `设置中没有账号 ${appId}`),
  );

/** Turns what is thrown below it into an ApiError. What nobody expected is logged, and nothing of it is told. */
export function answerRefusals(log: Pick<Logger, 'error'>): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.respond !== false && ctx.status === 404 && ctx.body === undefined) throw notFound();
    } catch (error) {
      const refusal = error instanceof Refusal ? error : (ofRequest(error) ?? ofDatabase(error) ?? failed());
      if (!(error instanceof Refusal) && refusal.status >= 500)
        log.error({ event: 'console_failed', err: error, path: ctx.path }, 'the console could not answer');
      // The rest of a body that is too long would be taken for the next request.
      if (refusal.status === 413) ctx.set('connection', 'close');
      if (typeof refusal.more.retryAfterSeconds === 'number')
        ctx.set('retry-after', String(refusal.more.retryAfterSeconds));
      ctx.set('cache-control', 'no-store');
      ctx.status = refusal.status;
      ctx.body = {
        ...refusal.more,
        error: refusal.code,
        message: refusal.words[languageOfRequest(ctx)],
      } satisfies ApiError;
    }
  };
}

const failed = () =>
  new Refusal(500, 'failed', say('Something went wrong; the log says what', '出错了，详情见日志'));

/** What those who read the body for us throw. */
function ofRequest(error: unknown): Refusal | undefined {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  if (status === 413) return new Refusal(413, 'too_large', say('That is too much at once', '内容太大'));
  return typeof status === 'number' && status >= 400 && status < 500
    ? new Refusal(status, 'bad_request', say('The request cannot be read', '请求无法读取'))
    : undefined;
}

function ofDatabase(error: unknown): Refusal | undefined {
  switch (classifyDatabaseError(error)) {
    case 'slow':
      return new Refusal(
        503,
        'too_slow',
        say(
          'This would take too long: narrow the time, or ask for one account, user or state.',
          '查询耗时太长：请缩小时间范围，或只查一个公众号、用户或状态。',
        ),
      );
    case 'locked':
    case 'conflict':
      return new Refusal(
        503,
        'busy',
        say('The database is busy: try again in a moment', '数据库正忙，请稍后再试'),
      );
    case 'other':
      return isBeforeMigration(error) ? away() : undefined;
    default:
      return away();
  }
}

const away = () =>
  new Refusal(
    503,
    'database_away',
    say('The database does not answer just now. Try again in a moment.', '数据库暂时没有响应，请稍后再试。'),
  );

/** The port listens before the database is migrated. */
function isBeforeMigration(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '42P01' || error.code === '3F000');
}
