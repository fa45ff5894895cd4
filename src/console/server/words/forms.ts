import type { Unmet } from '../../../replies/rules/conditions.js';
import type { Conditions, NamedSource } from '../../../replies/rules/rules.js';
import type { Subject } from '../../../replies/rules/subject.js';
import type { WhyCause, WhyFinding } from '../../contract/history.js';

/** What is known of a cause; each has words for what concerns it. */
export interface WhyFacts {
  account: string;
  error: string | null;
  code: number | null;
  /** WeChat's code in words, where it is known. */
  meaning: string | null;
  remedy: string | null;
  agent: string | null;
  worker: number | null;
  /** A back end, as REPLIES names it. */
  source: string | null;
  attempts: number;
  /** Messages that come first. */
  earlier: number;
  /** Pushes that were refused. */
  count: number;
}

export type WhyWords = Record<
  WhyCause,
  (facts: WhyFacts) => Pick<WhyFinding, 'headline' | 'detail' | 'remedy'>
>;

/** What is said of a trial of rules. */
export interface RulesWords {
  /** Why a rule does not answer, by the first condition that does not hold. */
  unmet: Record<Unmet, (of: { when: Conditions; subject: Subject }) => string>;
  byDefault: string;
  nothing: string;
  handOver(reason: string): string;
  leftTo(source: NamedSource): string;
}

/** What becomes of one of many, or would. */
export type BulkResult =
  | 'requeued'
  | 'cancelled'
  | 'ready'
  | 'sent'
  | 'waiting'
  | 'final'
  | 'in_hand'
  | 'window_closed'
  | 'forgotten'
  | 'not_found'
  | 'not_failed';
