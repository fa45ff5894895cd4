import { type Language, say } from '../../lib/language.js';
import { compile } from './compile.js';
import { problemsOf, type RulesProblem, readPlaced, told } from './places.js';
import type { Rules } from './rules.js';
import { rulesFile } from './shapes.js';

export type { RulesProblem } from './places.js';

export type ParsedRules =
  | { readonly ok: true; readonly rules: Rules }
  | { readonly ok: false; readonly problems: readonly RulesProblem[] };

/** Longer files are no rules of people's. */
const maxLength = 2 * 1024 * 1024;

/**
 * Reads rules and checks all of them: whatever is returned can be asked for answers.
 *
 * @param fileName for whoever shows problems: it is not opened
 */
export function parseRules(text: string, fileName: string): ParsedRules {
  const fail = (problems: readonly RulesProblem[]): ParsedRules => ({ ok: false, problems });
  if (text.length > maxLength) {
    const tooLong = say(
      `${fileName} has more than ${maxLength} characters`,
      `${fileName} 超过了 ${maxLength} 个字符`,
    );
    return fail([{ line: 1, column: 1, text: tooLong }]);
  }
  // Which Postgres does not store.
  const nul = text.indexOf('\0');
  if (nul >= 0) return fail([{ ...placeIn(text, nul), text: say('has a NUL character', '有一个 NUL 字符') }]);
  const file = readPlaced(text);
  if (file.problems.length > 0) return fail(file.problems);
  const parsed = rulesFile.safeParse(file.content, { reportInput: true });
  if (!parsed.success) return fail(inOrder(problemsOf(parsed.error, file)));
  const problems: RulesProblem[] = [];
  const rules = compile(parsed.data, {
    lineOf: (path) => file.placeOf(path).line,
    note: (path, problem) => problems.push({ ...file.placeOf(path), text: told(path, problem) }),
  });
  return problems.length > 0 ? fail(inOrder(problems)) : { ok: true, rules };
}

/** `rules.yaml:3:5: …`, a line each, as editors and terminals know it. */
export function describeRulesProblems(
  problems: readonly RulesProblem[],
  fileName: string,
  language: Language = 'en',
): string {
  return problems
    .map(({ line, column, text }) => `${fileName}:${line}:${column}: ${text[language]}`)
    .join('\n');
}

function placeIn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

function inOrder(problems: readonly RulesProblem[]): RulesProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
