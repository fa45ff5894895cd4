import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeError } from '../lib/describe-error.js';
import { ofSetting } from '../lib/file-problem.js';
import { type InEachLanguage, say } from '../lib/language.js';
import { ToldError } from '../lib/told-error.js';
import { type BeforeSend, type Replies, ReplyRouter } from './router.js';

export class RepliesModuleError extends ToldError {
  readonly code = 'REPLIES';
  constructor(file: string, problem: InEachLanguage, options?: ErrorOptions) {
    super(ofSetting(`REPLIES=${file}`, problem), options);
    this.name = 'RepliesModuleError';
  }
}

export interface RepliesModule {
  /** Of a module that only checks what others say: it answers nothing. */
  replies: Replies;
  beforeSend: BeforeSend | undefined;
}

/** The reply logic of a module, without what it checks. */
export async function loadReplies(file: string): Promise<Replies> {
  return (await loadModule(file)).replies;
}

/**
 * Loads a module of the user's.
 *
 * @param file its path, relative to the working directory; it exports `replies`, a router or a function, or `beforeSend`, or both
 * @throws RepliesModuleError saying what is wrong with it
 */
export async function loadModule(file: string): Promise<RepliesModule> {
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(path.resolve(file)).href);
  } catch (cause) {
    const why = describeError(cause);
    throw new RepliesModuleError(file, say(`cannot be loaded: ${why}`, `加载不了：${why}`), { cause });
  }
  const { replies, beforeSend } = module;
  if (beforeSend !== undefined && typeof beforeSend !== 'function')
    throw new RepliesModuleError(
      file,
      say(
        'its "beforeSend" must be a function of a reply and the context',
        '它的 "beforeSend" 应是函数，参数是回复和上下文',
      ),
    );
  const hook = beforeSend as BeforeSend | undefined;
  if (hook && replies === undefined) return { replies: () => undefined, beforeSend: hook };
  // Structurally, too: the module may have a copy of this package of its own.
  if (replies instanceof ReplyRouter || isRouter(replies))
    return { replies: (context) => replies.answer(context), beforeSend: hook };
  if (typeof replies === 'function') return { replies: replies as Replies, beforeSend: hook };
  throw new RepliesModuleError(
    file,
    say(
      'must export "replies", a router (createRouter() …) or a function of the context',
      '应导出 "replies"：路由（createRouter() …），或以上下文为参数的函数',
    ),
  );
}

function isRouter(value: unknown): value is { answer: ReplyRouter['answer'] } {
  return (
    typeof value === 'object' && value !== null && 'answer' in value && typeof value.answer === 'function'
  );
}
