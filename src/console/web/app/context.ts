import { type InjectionKey, inject } from 'vue';
import type { Api } from './api.js';
import type { Preferences } from './preferences.js';
import type { Session } from './session.js';

/** What there is once, for every page. */
export interface ConsoleContext {
  api: Api;
  session: Session;
  preferences: Preferences;
}

export const consoleContext: InjectionKey<ConsoleContext> = Symbol('console');

export function useConsole(): ConsoleContext {
  const context = inject(consoleContext);
  if (!context) throw new Error('main.ts provides no console');
  return context;
}
