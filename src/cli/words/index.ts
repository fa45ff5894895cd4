import { type Language, languageOf } from '../../lib/language.js';
import { en } from './en/index.js';
import { zhCN } from './zh-cn/index.js';

/**
 * All that the command line says to people, in each language. English has the form: a message that Chinese lacks, or has beside
 * it, does not compile. A message is a text, or a function of texts and counts, and the language decides about order and plural.
 *
 * Not here: WeChat's error codes (`src/wechat/out/error-table.ts` has both languages), names of states and checks, which are the
 * same in every language, and what machines read: JSON, log lines, SQL.
 */
export type Words = typeof en & { readonly language: Language };

export function wordsOf(language: Language): Words {
  return { language, ...(language === 'zh-CN' ? zhCN : en) };
}

/** Where the environment cannot be read, the command that needs it tells why. */
export function wordsFor(environment: () => Readonly<Record<string, string | undefined>>): Words {
  try {
    return wordsOf(languageOf(environment()));
  } catch {
    return wordsOf('en');
  }
}
