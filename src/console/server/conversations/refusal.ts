import type Koa from 'koa';
import { classifyDatabaseError } from '../../../db/errors.js';
import { type InEachLanguage, type Language, say } from '../../../lib/language.js';
import type { Logger } from '../../../observe/log.js';
import type { ApiError } from '../../contract/session.js';

/** A request that is answered with an ApiError. */
export class Refusal extends Error {
  readonly code = 'REFUSAL';
  constructor(
    readonly status: number,
    /** What the page has words for. */
    readonly error: string,
    readonly words: InEachLanguage,
  ) {
    super(words.en);
    this.name = 'Refusal';
  }
}

export const badRequest = (english: string, chinese: string) =>
  new Refusal(400, 'bad_request', say(english, chinese));

export const noConversation = () =>
  new Refusal(
    404,
    'no_conversation',
    say('This user never wrote to the account', '该用户没有给此账号发过消息'),
  );

const busy = () =>
  new Refusal(503, 'busy', say('The database is busy: try again in a moment', '数据库正忙，请稍后再试'));

/** `?lang=`, else what the browser prefers. */
export function languageOf(ctx: Koa.Context): Language {
  const asked = ctx.query.lang;
  if (asked === 'zh-CN' || asked === 'en') return asked;
  const found = ctx.acceptsLanguages('en', 'zh-CN', 'zh');
  return found === 'zh-CN' || found === 'zh' ? 'zh-CN' : 'en';
}

/** Answers what was refused, and what Postgres has no time for; all else is a fault of ours and goes on. */
export function answerRefusals(log: Logger): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const refusal = error instanceof Refusal ? error : ofDatabase(error, log);
      if (!refusal) throw error;
      const body: ApiError = { error: refusal.error, message: refusal.words[languageOf(ctx)] };
      ctx.status = refusal.status;
      ctx.body = body;
    }
  };
}

function ofDatabase(error: unknown, log: Logger): Refusal | undefined {
  if (classifyDatabaseError(error) === 'other') return undefined;
  log.warn({ event: 'console_database', err: error }, 'the console got no answer from the database');
  return busy();
}
