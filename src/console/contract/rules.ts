/** Rules that answer: sets of them, their versions, and how a text that is not saved yet would answer. */

/** GET rules : those that REPLIES names, and those that have versions, by name. */
export interface RuleSet {
  name: string;
  /** Whether REPLIES of the process that was asked names it. */
  used: boolean;
  /** In force; null: none yet. */
  version: RuleVersion | null;
}

export interface RuleVersion {
  /** In the order of the changes, of all sets together. */
  id: string;
  at: string;
  by: string;
  /** Where it was changed: file, console or cli. */
  origin: string;
  note: string | null;
}

/** GET rules/:name : the version in force, and the newest 100. */
export interface RuleSetView extends RuleSet {
  text: string;
  versions: RuleVersion[];
}

/** POST rules/:name/diff : of two versions, or of a version and a text that is not saved yet. */
export type AskDiff = { from: string; to: string } | { from: string; text: string };

/** By lines, with three around each change. */
export interface RuleDiff {
  added: number;
  removed: number;
  /** Empty: the same text. */
  lines: DiffLine[];
}

export interface DiffLine {
  /** `skipped`: equal lines that are left out here; `text` is empty, and `from` and `to` are of the first of them. */
  kind: 'same' | 'added' | 'removed' | 'skipped';
  text: string;
  /** Number of the line before and after; null where it is not there. */
  from: number | null;
  to: number | null;
}

/** POST rules/check { text } */
export interface RulesCheck {
  rules: number;
  problems: RuleProblem[];
}

export interface RuleProblem {
  /** From 1; null where it is about the whole. */
  line: number | null;
  column: number | null;
  message: string;
}

/**
 * PUT rules/:name : RuleVersion. 409 { error: 'conflict', version } where another version came meanwhile; 422 { error: 'bad_rules',
 * problems } for a text with problems.
 */
export interface SaveRules {
  text: string;
  /** The version that the text was made from; null: there was none. */
  expected: string | null;
  note: string | null;
}

/** POST rules/:name/back : an older text becomes the newest version. As PUT otherwise. */
export interface GoBack {
  version: string;
  expected: string;
}

/**
 * What a message may be for a trial. `value` is the text of the user, what of a voice is recognised, the id of a menu message's entry, a menu's
 * key, a scene, or an event's name; the others have none.
 */
export const trialTypes = [
  'text',
  'choice',
  'click',
  'scan',
  'subscribe',
  'event',
  'image',
  'voice',
  'video',
  'location',
  'link',
] as const;
export type TrialType = (typeof trialTypes)[number];

/** POST rules/try : nothing is sent, and no service or model is asked. */
export interface TryRules {
  text: string;
  message: { type: TrialType; value: string };
  account: string | null;
  /** When it would come; null: now. */
  at: string | null;
}

export interface RulesTrial {
  /** Where there are any, nothing was tried. */
  problems: RuleProblem[];
  /** The rule that answers; null: none does, and the next source of replies would be asked. */
  answer: { rule: string; line: number | null; says: string[] } | null;
  /** Those that were asked before and did not, in their order, the first 100. */
  passed: { rule: string; line: number | null; why: string }[];
  /** How many did not. */
  passedInAll: number;
}
