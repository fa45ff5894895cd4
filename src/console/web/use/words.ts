import type { Ref } from 'vue';
import { useI18n } from 'vue-i18n';
import type { Language } from '../app/preferences.js';
import type { WordKey } from '../words/index.js';

export interface UseWords {
  /** The text of a key, with its values. `n` also chooses between one and many. */
  t(key: WordKey, values?: Readonly<Record<string, string | number>>): string;
  language: Ref<Language>;
}

/** Words of the page. A key that does not exist is an error of the compiler. */
export function useWords(): UseWords {
  const { t, locale } = useI18n({ useScope: 'global' });
  return {
    t: (key, values = {}) =>
      typeof values.n === 'number' ? t(key, values, { plural: values.n }) : t(key, values),
    language: locale as Ref<Language>,
  };
}
