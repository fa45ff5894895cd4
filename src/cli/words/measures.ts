/** What is counted most. */
export type Counted = 'messages' | 'deliveries';

export interface TimeUnits {
  ms: string;
  s: string;
  min: string;
  h: string;
  d: string;
}

/** 850 ms, 42 s, 7 min, 3 h 20 min, 5 d 2 h */
export function durationIn(unit: TimeUnits, ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (ms < 1_000) return `${Math.round(ms)} ${unit.ms}`;
  if (seconds < 120) return `${seconds} ${unit.s}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} ${unit.min}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48)
    return minutes % 60 === 0 ? `${hours} ${unit.h}` : `${hours} ${unit.h} ${minutes % 60} ${unit.min}`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} ${unit.d}` : `${days} ${unit.d} ${hours % 24} ${unit.h}`;
}

/** In English. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
