import { english } from './english.js';
import { describeProblems, type SettingsProblem } from './problem.js';

/** Every setting that is missing or wrong. Its message is for programs and logs; people are told in their own language. */
export class ConfigError extends Error {
  readonly code = 'CONFIG';
  constructor(readonly problems: readonly SettingsProblem[]) {
    super(describeProblems(problems, english));
    this.name = 'ConfigError';
  }
}
