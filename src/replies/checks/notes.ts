import type { Allowance } from '../../wechat/in/window.js';

/** What stands in the column `error` of a message that the reply logic did not answer, or whose answer was stopped. */

const limited = 'limited: ';
const stopped = 'stopped by a check: ';

/** @param position of the reply, from 1; 0: of what the user wrote */
export function stopNote(position: number, reason: string): string {
  return `${stopped}${position === 0 ? 'what the user wrote' : `reply ${position}`}: ${reason}`;
}

export function limitNote({ quota, seconds }: Allowance): string {
  return `${limited}more than ${quota} messages in ${inUnits(seconds)}`;
}

export const isLimited = (error: string): boolean => error.startsWith(limited);
export const isStopped = (error: string): boolean => error.startsWith(stopped);
/** The reply logic did not run for it. */
export const isNotRun = (error: string): boolean => isLimited(error) || error.startsWith(stopNote(0, ''));

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;

/** As the setting has it: 90s, 1m, 24h, 7d. */
function inUnits(seconds: number): string {
  const [unit, size] = units.find(([, size]) => seconds % size === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}
