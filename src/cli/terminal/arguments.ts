import { InvalidArgumentError } from 'commander';

const ago = /^(\d+)([smhd])$/;
const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * `90s`, `15m`, `2h` or `7d` ago, or a date or time in the local zone (2026-11-23, 2026-11-23 09:30).
 *
 * @throws InvalidArgumentError, which commander turns into exit code 2
 */
export function parseTime(text: string): Date {
  const [, amount, unit = ''] = ago.exec(text) ?? [];
  if (amount) return new Date(Date.now() - Number(amount) * (unitMs[unit] ?? 0));
  const [, day, clock = '00:00'] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/.exec(text) ?? [];
  // With a time and no zone it is local; a date alone would be taken as UTC.
  const time = new Date(day ? `${day}T${clock}` : text);
  const isInstant = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(text);
  if ((!day && !isInstant) || Number.isNaN(time.getTime()))
    throw new InvalidArgumentError(
      'It must be like 90s, 15m, 2h, 7d (ago), 2026-11-23 or "2026-11-23 09:30".',
    );
  return time;
}

/** Postgres's ids are of 64 bits and stay text. */
export function parseId(text: string): string {
  if (!/^[1-9]\d{0,18}$/.test(text))
    throw new InvalidArgumentError('It must be a number, as `list` shows it.');
  return text;
}

export function parseIds(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, parseId(text)];
}

export function parseCode(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be an errcode, such as 45009.');
  return Number(text);
}

export function parseCount(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1 || number > 1_000_000)
    throw new InvalidArgumentError('It must be a number from 1 to 1000000.');
  return number;
}
