import type { RE2JS } from 're2js';
import type { Reply } from '../../wechat/out/reply.js';

/** What a rules file says, checked and ready to be asked. */
export interface Rules {
  /** In the order in which they are tried. */
  readonly rules: readonly Rule[];
  readonly defaultAnswer: RuleAnswer | undefined;
  /** Other sources that answers are left to. */
  readonly sources: readonly LeftTo[];
}

export interface Rule {
  readonly name: string;
  readonly priority: number;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly when: Conditions;
  readonly answer: RuleAnswer;
}

/** What is undefined is no condition. */
export interface Conditions {
  readonly keyword: Keyword | undefined;
  readonly choices: readonly string[] | undefined;
  /** In lower case. */
  readonly events: readonly string[] | undefined;
  readonly clicks: readonly Key[] | undefined;
  readonly scans: readonly Key[] | undefined;
  readonly types: readonly string[] | undefined;
  readonly time: TimeOfWeek | undefined;
  readonly accounts: readonly string[] | undefined;
  readonly chance: number | undefined;
}

/** Any of them will do. Words are folded (fold.ts). */
export interface Keyword {
  readonly equals: readonly string[];
  readonly contains: readonly string[];
  readonly matches: readonly RE2JS[];
}

/** A menu key or a scene; `isPrefix`: whatever begins with it. */
export interface Key {
  readonly text: string;
  readonly isPrefix: boolean;
}

export interface TimeOfWeek {
  readonly timeZone: string;
  /** Minutes of the day, `to` excluded; `from` may be later than `to`: over midnight. Empty: any. */
  readonly hours: readonly { readonly from: number; readonly to: number }[];
  /** 0: Monday. Empty: any. */
  readonly weekdays: readonly number[];
}

export type RuleAnswer =
  | { readonly kind: 'say'; readonly said: readonly Said[] }
  | { readonly kind: 'source'; readonly source: NamedSource }
  | { readonly kind: 'oneOf'; readonly answers: readonly RuleAnswer[] };

export type Said =
  | { readonly kind: 'reply'; readonly reply: Reply; readonly hasFields: boolean }
  | { readonly kind: 'handOver'; readonly reason: string };

/** A source that a rule names, and for whose users: undefined for those of all accounts. */
export interface LeftTo {
  readonly source: NamedSource;
  readonly accounts: readonly string[] | undefined;
}

/** As REPLIES would name it; an `llm` file is relative to the rules file still. */
export type NamedSource =
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'llm'; readonly file: string };
