import type { ReplySource } from '../source.js';
import { type CurrentWords, createWordsCheck } from '../words/check-words.js';
import type { Check } from './check.js';
import { hookCheck } from './hooks.js';

/** The hooks of all sources, in their order, and then the word list: nothing is changed behind it. */
export function checksOf(sources: readonly ReplySource[], words: CurrentWords | undefined): Check[] {
  const hooks = sources.flatMap(({ beforeSend }) => (beforeSend ? [hookCheck(beforeSend)] : []));
  return words ? [...hooks, createWordsCheck(words)] : hooks;
}
