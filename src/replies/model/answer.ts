import { byAi, type Reply, text as textReply } from '../../wechat/out/reply.js';
import type { ReplyContext } from '../router.js';
import { type Answer, Deferred, SourceError } from '../source.js';
import type { Budget } from './budget.js';
import { converse, type RunTool } from './converse.js';
import { createPrompt, type PromptDependencies, wordsOf } from './prompt.js';
import { nextPortion, type Portion, portionOf, type RestStore } from './rest.js';
import type { ModelSettings } from './schema.js';
import { toText } from './to-text.js';
import { ModelTrouble } from './trouble.js';

export interface ModelDependencies extends Omit<PromptDependencies, 'settings'> {
  settings: ModelSettings;
  runTool: RunTool;
  rests: RestStore;
  /** Undefined: there is no limit. */
  budget: Budget | undefined;
  clock(): Date;
}

/** Answers what has words in it; all else is left to the sources that follow. */
export function createModelAnswer(dependencies: ModelDependencies): Answer {
  const { settings, memory, rests, budget, records, clock } = dependencies;

  return async (context) => {
    if (wordsOf(context.messages) === undefined) return undefined;
    const last = wordsOf([context.message]) ?? '';
    const resetAt = context.messages.findLastIndex((one) =>
      isOneOf(settings.resetWords, wordsOf([one]) ?? ''),
    );
    const words = wordsOf(context.messages.slice(resetAt + 1));
    if (words === undefined) {
      await forget(context, context.messageId);
      return settings.resetNotice;
    }
    // What is said in one go with it, behind it, is said to a model that knows nothing any more.
    if (resetAt >= 0) await forget(context, String(BigInt(context.messageId) - 1n));
    if (resetAt < 0 && isOneOf(settings.continueWords, last)) {
      const kept = await rests.before(context.message.openid, context.messageId);
      if (kept.length > 0)
        return send(context, nextPortion(kept, context.window?.quota, settings.continueNotice));
    }
    const isUsedUp = budget && (await context.once('model:budget', () => isBeyondBudget(context, budget)));
    if (isUsedUp) return settings.budget?.notice;
    try {
      const now = clock().getTime();
      const until = new Date(now + settings.timeout);
      // A summary must leave the answer its time.
      const prompt = await createPrompt(context, dependencies, {
        words,
        until: new Date(now + settings.timeout / 3),
      });
      const markdown = await converse(context, dependencies, { ...prompt, until });
      const said = toText(markdown);
      // Such as an answer that the server's filter took away.
      if (said === '') return settings.apology;
      return send(context, portionOf(said, context.window?.quota, settings.continueNotice));
    } catch (error) {
      if (error instanceof ModelTrouble) return inTrouble(context, error);
      throw error;
    }
  };

  async function forget({ message, messageId }: ReplyContext, upTo: string): Promise<void> {
    await memory.forget(message.openid, upTo);
    await rests.keep(message.openid, messageId, []);
  }

  function isBeyondBudget({ message, messageId, log }: ReplyContext, budget: Budget): Promise<boolean> {
    return budget.isUsedUp({ messageId, openid: message.openid }).then((isUsedUp) => {
      if (isUsedUp) log.info({ event: 'model_budget_used_up' }, 'the budget of the day is used up');
      return isUsedUp;
    });
  }

  /** Without a word to ask for it by, no rest is kept: then all is given, and cut as any reply is. */
  async function send({ message, messageId }: ReplyContext, { parts, rest }: Portion): Promise<Reply[]> {
    const canGoOn = settings.continueWords.length > 0;
    await rests.keep(message.openid, messageId, canGoOn ? rest : []);
    return (canGoOn ? parts : [...parts, ...rest]).map((part) =>
      settings.markAsAi ? byAi(textReply(part)) : textReply(part),
    );
  }

  /** Nothing was shown to the user yet: it may be tried again, but not for ever while somebody waits. */
  async function inTrouble(
    { messageId, window, log }: ReplyContext,
    trouble: ModelTrouble,
  ): Promise<string | Deferred> {
    const { kind, message: error } = trouble;
    if (kind === 'stopped') throw trouble;
    log.warn({ event: 'model_failed', outcome: kind, error }, 'the model did not answer');
    if (kind === 'refused' || kind === 'nonsense') throw new SourceError(error, 'never');
    if (kind === 'timeout') return settings.apology;
    const { count, since } = await records.failures(messageId);
    const giveUpAt = Math.min(
      (since ?? clock()).getTime() + settings.patience,
      window?.endsAt.getTime() ?? Number.POSITIVE_INFINITY,
    );
    if (kind === 'rate_limited' && trouble.retryAt)
      return trouble.retryAt.getTime() < giveUpAt ? new Deferred(trouble.retryAt) : settings.apology;
    if (count >= settings.tries || clock().getTime() >= giveUpAt) return settings.apology;
    throw trouble;
  }
}

function isOneOf(words: readonly string[], said: string): boolean {
  const wanted = asWord(said);
  return words.some((word) => asWord(word) === wanted);
}

/** As a word is compared: recognised speech, and many a user, end it with a full stop. */
function asWord(said: string): string {
  return said
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/[。.!?~]+$/, '');
}
