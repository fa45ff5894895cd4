import { createI18n } from 'vue-i18n';
import type { Language } from '../app/preferences.js';
import { english } from './en/index.js';
import { chinese } from './zh-CN/index.js';

/** The keys of English with any text. */
type Leaves<Words, Prefix extends string = ''> = {
  [Key in keyof Words & string]: Words[Key] extends string
    ? `${Prefix}${Key}`
    : Leaves<Words[Key], `${Prefix}${Key}.`>;
}[keyof Words & string];

export type WordKey = Leaves<typeof english>;

export function createWords(locale: Language) {
  return createI18n({
    legacy: false,
    locale,
    fallbackLocale: 'en',
    // Chinese has one form where English has two.
    pluralRules: { 'zh-CN': () => 0 },
    messages: { en: english, 'zh-CN': chinese },
  });
}
