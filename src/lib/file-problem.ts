import { describeError } from './describe-error.js';
import { apart, type InEachLanguage, say } from './language.js';

/** What is wrong with a file that people write, in their languages. */

/** @param problem as the parser tells it */
export const noYaml = (problem: string): InEachLanguage => say(problem, `YAML 有错：${problem}`);

export function cannotBeRead(error: unknown): InEachLanguage {
  const why = describeError(error);
  return say(`cannot be read: ${why}`, `读不到：${why}`);
}

/** The message of an issue of zod: ours are put together by `both`, and what zod says by itself stays as it is. */
export const saidByZod = (message: string): InEachLanguage =>
  apart(message) ?? say(message, `不对：${message}`);

/** @param subject what the problem is about; empty: the file itself */
export function withSubject(subject: string, problem: InEachLanguage): InEachLanguage {
  const before = subject === '' ? '' : `${subject} `;
  return say(before + problem.en, before + problem['zh-CN']);
}

/** @param setting which names the file, with its value: `REPLIES=rules.yaml` */
export const ofSetting = (setting: string, problem: InEachLanguage): InEachLanguage =>
  say(`${setting}: ${problem.en}`, `${setting}：${problem['zh-CN']}`);
