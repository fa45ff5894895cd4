import type { InEachLanguage } from './language.js';

/** An error that people put right: they are told in their language. Its message is English, for programs and logs. */
export class ToldError extends Error {
  constructor(
    readonly told: InEachLanguage,
    options?: ErrorOptions,
  ) {
    super(told.en, options);
  }
}
