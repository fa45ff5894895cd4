import { type Language, languageOf } from '../../lib/language.js';
import { en } from './en/index.js';
import { zhCN } from './zh-cn/index.js';

/** What one language says; English has the form of all. */
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
