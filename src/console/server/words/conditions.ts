import type { Key } from '../../../replies/rules/rules.js';
import type { Subject } from '../../../replies/rules/subject.js';

/** As many as one reads in a sentence. */
const most = 5;

export function firstOf(some: readonly string[] = []): string {
  return `${some.slice(0, most).join(', ')}${some.length > most ? ', …' : ''}`;
}

export const keysOf = (keys: readonly Key[] = []) =>
  firstOf(keys.map(({ text, isPrefix }) => (isPrefix ? `${text}*` : text)));

export function clockOf(timeZone: string, subject: Subject): string {
  const { minute } = subject.localTime(timeZone);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** 0: Monday. */
export const weekdayOf = (timeZone: string, subject: Subject) => subject.localTime(timeZone).weekday;
