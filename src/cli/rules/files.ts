import { readFileSync } from 'node:fs';
import { describeError } from '../../lib/describe-error.js';
import { describeRulesProblems, parseRules } from '../../replies/rules/parse.js';
import type { Rules } from '../../replies/rules/rules.js';
import { rulesSchema } from '../../replies/rules/shapes.js';
import type { CommandContext } from '../terminal/context.js';
import { printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

export function schema(context: CommandContext): void {
  printJson(context, rulesSchema());
}

/** @throws UsageError with all that is wrong with them */
export function rulesIn({ words }: CommandContext, text: string, fileName: string): Rules {
  const parsed = parseRules(text, fileName);
  if (!parsed.ok)
    throw new UsageError(`\n${describeRulesProblems(parsed.problems, fileName, words.language)}`);
  return parsed.rules;
}

export function readText({ words }: CommandContext, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(words.commands.rules.unreadable(file, describeError(error)));
  }
}
