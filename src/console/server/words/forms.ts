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
