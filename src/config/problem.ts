import type { DatabaseUrlProblem } from '../db/database-url.js';
import type { Form } from './forms.js';

/** What a value must be; zod's names. */
export type ValueType = 'object' | 'array' | 'string' | 'number' | 'boolean';

/** Why one setting needs another. */
export type Need = 'fromOthersNotBelieved' | 'issuerKnowsIt' | 'browsersComeBack';

/** What is wrong with the settings, without words. No value of a secret is in it. */
type Details =
  /** `where` is a setting, or a place in the accounts file; `given`: as it was set, unless it is a secret. */
  | { code: 'wrongForm'; where: string; form: Form; given?: string | undefined }
  | { code: 'wrongType'; where: string; expected: ValueType }
  | { code: 'unknownKeys'; where: string; keys: readonly string[] }
  /** `text` is zod's, in English. */
  | { code: 'other'; where: string; text: string }
  /** `cause` is the system's, in its own words. */
  | { code: 'unreadable'; where: string; cause: string }
  | { code: 'databaseUrl'; where: string; problem: DatabaseUrlProblem }
  | { code: 'bothSet'; one: string; other: string }
  | { code: 'twoPasswords' }
  | { code: 'passwordWithoutUrl' }
  | { code: 'besideAccountsFile'; setting: string }
  | { code: 'severalNeedDatabase'; because: 'PROCESSES' | 'NODE_APP_INSTANCE' }
  | { code: 'adminPortsTooHigh'; last: number }
  | { code: 'portAmongAdminPorts'; port: number; first: number; last: number }
  | { code: 'tooFewConnections'; connections: number; least: number; role: 'all' | 'ingress' | 'worker' }
  | { code: 'noPublicUrl' }
  | { code: 'noPublicUrlOfAccount'; where: string }
  | { code: 'noKey'; where: string; requiredBy: string }
  | { code: 'unsignedAndEncrypted'; where: string }
  | { code: 'accountTwice'; where: string }
  | { code: 'noVariable'; where: string; name: string }
  | { code: 'needs'; setting: string; other: string; because: Need }
  | { code: 'noReplySecret'; where: string }
  /** `host` is in an address of the replies. */
  | { code: 'privateReplies'; where: string; host: string }
  | { code: 'notBelow'; setting: string; other: string }
  | { code: 'noAccountsList' };

/** `file`: the accounts file that it is in. */
export type SettingsProblem = Details & { file?: string };

/** What a language says of each. */
export type ProblemSentences = {
  readonly [Code in Details['code']]: (problem: Extract<Details, { code: Code }>) => string;
};

export interface ProblemWords {
  /** Above a list of them. */
  readonly attention: string;
  readonly inFile: (file: string, sentence: string) => string;
  readonly forms: Readonly<Record<Form, string>>;
  readonly sentences: ProblemSentences;
}

export function describeProblem(problem: SettingsProblem, words: ProblemWords): string {
  // The one of its own code, which the compiler cannot follow.
  const say = words.sentences[problem.code] as (problem: SettingsProblem) => string;
  return problem.file === undefined ? say(problem) : words.inFile(problem.file, say(problem));
}

/** Every problem a line. */
export function describeProblems(problems: readonly SettingsProblem[], words: ProblemWords): string {
  const lines = problems.map((problem) => `  - ${describeProblem(problem, words)}`);
  return `${words.attention}\n${lines.join('\n')}`;
}
