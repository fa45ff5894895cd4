import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeError } from '../lib/describe-error.js';
import { type Replies, ReplyRouter } from './router.js';

export class RepliesModuleError extends Error {
  readonly code = 'REPLIES';
  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`REPLIES=${file}: ${problem}`, options);
    this.name = 'RepliesModuleError';
  }
}

/**
 * Loads the reply logic from a module of the user's.
 *
 * @param file its path, relative to the working directory; it exports `replies`, a router or a function
 * @throws RepliesModuleError saying what is wrong with it
 */
export async function loadReplies(file: string): Promise<Replies> {
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(path.resolve(file)).href);
  } catch (cause) {
    throw new RepliesModuleError(file, `cannot be loaded: ${describeError(cause)}`, { cause });
  }
  const replies = module.replies;
  // Structurally, too: the module may have a copy of this package of its own.
  if (replies instanceof ReplyRouter || isRouter(replies)) return (context) => replies.answer(context);
  if (typeof replies === 'function') return replies as Replies;
  throw new RepliesModuleError(
    file,
    'must export "replies", a router (createRouter() …) or a function of the context',
  );
}

function isRouter(value: unknown): value is { answer: ReplyRouter['answer'] } {
  return (
    typeof value === 'object' && value !== null && 'answer' in value && typeof value.answer === 'function'
  );
}
