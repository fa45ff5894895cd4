import { english } from '../../src/config/english.js';
import { describeProblem, type ProblemWords, type SettingsProblem } from '../../src/config/problem.js';
import { ConfigError, readConfig } from '../../src/config/settings.js';

type Environment = Record<string, string>;
type Read = (environment: Environment) => unknown;

export function rawProblemsOf(environment: Environment, read: Read = readConfig): readonly SettingsProblem[] {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** What is wrong with the settings, in words; nothing where they are complete. */
export function problemsOf(
  environment: Environment,
  { read = readConfig, words = english }: { read?: Read; words?: ProblemWords } = {},
): readonly string[] {
  return rawProblemsOf(environment, read).map((problem) => describeProblem(problem, words));
}
