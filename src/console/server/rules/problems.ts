import type { Language } from '../../../lib/language.js';
import type { RulesProblem } from '../../../replies/rules/parse.js';
import type { RuleProblem } from '../../contract/rules.js';

export function problemsIn(language: Language, problems: readonly RulesProblem[]): RuleProblem[] {
  return problems.map(({ line, column, text }) => ({ line, column, message: text[language] }));
}
