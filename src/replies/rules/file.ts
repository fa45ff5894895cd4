import { readFile, stat } from 'node:fs/promises';
import { cannotBeRead, ofSetting } from '../../lib/file-problem.js';
import { type InEachLanguage, say } from '../../lib/language.js';
import { ToldError } from '../../lib/told-error.js';
import { describeRulesProblems, parseRules, type RulesProblem } from './parse.js';
import type { Rules } from './rules.js';

/** The rules that a process is to start with are not to be used: says where and why. */
export class RulesFileError extends ToldError {
  readonly code = 'REPLIES';
  constructor(file: string, problem: InEachLanguage, options?: ErrorOptions) {
    super(ofSetting(`REPLIES=${file}`, problem), options);
    this.name = 'RulesFileError';
  }
}

/** @throws RulesFileError */
export async function readRulesFile(file: string): Promise<{ text: string; rules: Rules }> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new RulesFileError(file, cannotBeRead(cause), { cause });
  }
  const parsed = parseRules(text, file);
  if (parsed.ok) return { text, rules: parsed.rules };
  const { problems } = parsed;
  throw new RulesFileError(
    file,
    say(
      `is not in order\n${describeRulesProblems(problems, file)}`,
      `有问题\n${describeRulesProblems(problems, file, 'zh-CN')}`,
    ),
  );
}

export type WatchedFile =
  | { kind: 'unchanged' }
  | { kind: 'changed'; text: string }
  | { kind: 'unreadable'; error: unknown };

/** Tells of each change of a file once, by looking: notices of file systems are lost over networks and in containers. */
export function watchFile(file: string, knownText: string): { look(): Promise<WatchedFile> } {
  let seen = '';
  let text = knownText;
  return {
    async look() {
      try {
        const { mtimeMs, size, ino } = await stat(file);
        const now = `${mtimeMs} ${size} ${ino}`;
        if (now === seen) return { kind: 'unchanged' };
        const read = await readFile(file, 'utf8');
        // Behind the reading: what failed is read again.
        seen = now;
        if (read === text) return { kind: 'unchanged' };
        text = read;
        return { kind: 'changed', text };
      } catch (error) {
        if (seen === 'unreadable') return { kind: 'unchanged' };
        seen = 'unreadable';
        return { kind: 'unreadable', error };
      }
    },
  };
}

/** For a line of the log: the first are enough to find the place. */
export function firstProblems(problems: readonly RulesProblem[], fileName: string): string[] {
  return describeRulesProblems(problems.slice(0, 10), fileName).split('\n');
}
