import { InvalidArgumentError } from 'commander';
import type { Words } from '../words/index.js';

const ago = /^(\d+)([smhd])$/;
const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What commander calls with what was written; each throws InvalidArgumentError, which commander turns into exit code 2. */
export interface ArgumentParsers {
  /** `90s`, `15m`, `2h` or `7d` ago, or a date or time in the local zone (2026-11-23, 2026-11-23 09:30). */
  time(text: string): Date;
  /** Postgres's ids are of 64 bits and stay text. */
  id(text: string): string;
  ids(text: string, before?: readonly string[]): readonly string[];
  code(text: string): number;
  count(text: string): number;
}

export function argumentParsers({ terminal: { mustBe } }: Words): ArgumentParsers {
  const id = (text: string) => must(/^[1-9]\d{0,18}$/.test(text) ? text : undefined, mustBe.id);
  return {
    time: (text) => must(toTime(text), mustBe.time),
    id,
    ids: (text, before = []) => [...before, id(text)],
    code: (text) => must(/^-?\d{1,9}$/.test(text) ? Number(text) : undefined, mustBe.code),
    count(text) {
      const number = Number(text);
      const isCount = Number.isSafeInteger(number) && number >= 1 && number <= 1_000_000;
      return must(isCount ? number : undefined, mustBe.count);
    },
  };
}

function must<T>(value: T | undefined, problem: string): T {
  if (value === undefined) throw new InvalidArgumentError(problem);
  return value;
}

function toTime(text: string): Date | undefined {
  const [, amount, unit = ''] = ago.exec(text) ?? [];
  if (amount) return new Date(Date.now() - Number(amount) * (unitMs[unit] ?? 0));
  const [, day, clock = '00:00'] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/.exec(text) ?? [];
  // With a time and no zone it is local; a date alone would be taken as UTC.
  const time = new Date(day ? `${day}T${clock}` : text);
  const isInstant = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(text);
  return (!day && !isInstant) || Number.isNaN(time.getTime()) ? undefined : time;
}
