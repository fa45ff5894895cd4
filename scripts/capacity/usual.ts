import type { Assumptions } from './plan.ts';

/** Of the table in the documents. */
export const decades = [1, 10, 100, 1_000, 10_000, 100_000, 1e6, 1e7, 1e8] as const;

/** A user who writes once a day; a busiest second of five times the mean. */
export const usual = { messagesPerUserDay: 1, peakFactor: 5, retentionDays: 30 } as const;

export function assumptionsOf(users: number): Assumptions {
  return { users, ...usual };
}
