import type { Words } from '../words/index.js';

/** One line of the doctor's: what was looked at, how it is, and what to do where it is not well. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail';
  what: string;
  found: string;
  todo?: string;
  /** Which, one by one; people are shown the first. */
  details?: readonly string[];
}

export function skipped(what: string, why: string, { doctor }: Words): Finding {
  return { level: 'warn', what, found: doctor.notLookedAt(why), todo: doctor.runThere };
}
