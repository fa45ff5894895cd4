import { reactive, watchEffect } from 'vue';
import { type Language, wordsOf } from './words.js';

export type Colours = 'auto' | 'light' | 'dark';

/** What this browser keeps; without a store it is forgotten. */
function stored(name: string): string | null {
  try {
    return localStorage.getItem(`phone.${name}`);
  } catch {
    return null;
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(`phone.${name}`, value);
  } catch {
    // Private windows may have none.
  }
}

function firstLanguage(): Language {
  const asked = new URLSearchParams(location.search).get('lang') ?? stored('language') ?? navigator.language;
  return asked.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

function firstColours(): Colours {
  const kept = stored('colours');
  return kept === 'light' || kept === 'dark' ? kept : 'auto';
}

export function usePreferences() {
  const preferences = reactive({ language: firstLanguage(), colours: firstColours() });
  watchEffect(() => {
    const { language, colours } = preferences;
    document.documentElement.lang = language;
    document.title = wordsOf(language).title;
    document.documentElement.dataset.colours = colours;
    store('language', language);
    store('colours', colours);
  });
  return preferences;
}
