/** One line of the doctor's: what was looked at, how it is, and what to do where it is not well. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail';
  what: string;
  found: string;
  todo?: string;
}

export function skipped(what: string, why: string): Finding {
  return { level: 'warn', what, found: `not looked at: ${why}`, todo: 'run it where the service runs' };
}
