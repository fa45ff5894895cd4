import { type ComputedRef, type InjectionKey, inject } from 'vue';
import type { Field } from './ask.js';
import type { Words } from './words.js';

export type Ask = (title: string, fields: readonly Field[]) => Promise<Record<string, string> | undefined>;

/** What every part of the page may use. */
export interface Context {
  words: ComputedRef<Words>;
  /** Undefined when the person thought better of it. */
  ask: Ask;
  /** Runs it, and shows what it says when it fails, or what is to be said when it does not. */
  run(action: Promise<unknown>, done?: string): void;
}

export const contextKey: InjectionKey<Context> = Symbol('context');

export function useContext(): Context {
  const context = inject(contextKey);
  if (!context) throw new Error('used outside of the page');
  return context;
}
