import { reactive, watchEffect } from 'vue';

export const languages = ['zh-CN', 'en'] as const;
export type Language = (typeof languages)[number];
export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

/** What a person chose, kept by the browser. */
export interface Preferences {
  language: Language;
  theme: Theme;
  /** What the theme comes to, for what is drawn. */
  readonly dark: boolean;
  /** Live figures stand still, by button. */
  paused: boolean;
}

export function createPreferences(store: () => Storage): Preferences {
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const state = reactive({
    language: chosen('language', languages) ?? (/^zh\b/i.test(navigator.language) ? 'zh-CN' : 'en'),
    theme: chosen('theme', themes) ?? 'system',
    systemDark: prefersDark.matches,
    paused: false,
    get dark(): boolean {
      return state.theme === 'system' ? state.systemDark : state.theme === 'dark';
    },
  }) as Preferences & { systemDark: boolean };

  prefersDark.addEventListener('change', (event) => {
    state.systemDark = event.matches;
  });
  watchEffect(() => {
    document.documentElement.classList.toggle('dark', state.dark);
    document.documentElement.lang = state.language;
    keep('language', state.language);
    keep('theme', state.theme);
  });
  return state;

  function chosen<T extends string>(name: string, of: readonly T[]): T | undefined {
    const value = attempt(() => store().getItem(`console.${name}`));
    return of.find((one) => one === value);
  }

  function keep(name: string, value: string): void {
    attempt(() => store().setItem(`console.${name}`, value));
  }
}

/** A browser may forbid its storage: the choice then lasts as long as the page. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
