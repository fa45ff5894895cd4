const dayMs = 86_400_000;
/** Quotas begin anew at 00:00 in Shanghai, which knows no summer time. */
const shanghaiOffsetMs = 8 * 3_600_000;

/** The day in Shanghai, as a number that grows by one at each midnight there. */
export function shanghaiDay(at: number): number {
  return Math.floor((at + shanghaiOffsetMs) / dayMs);
}

/** The month in Shanghai, such as 2026-03. */
export function shanghaiMonth(at: number): string {
  return new Date(at + shanghaiOffsetMs).toISOString().slice(0, 7);
}

/** The minute of the clock; the same everywhere, for the offsets are whole minutes. */
export function calendarMinute(at: number): number {
  return Math.floor(at / 60_000);
}
