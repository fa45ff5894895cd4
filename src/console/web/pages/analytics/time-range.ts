import { type ComputedRef, computed } from 'vue';
import type { Filters } from '../../use/query-filters.js';

const hourMs = 3_600_000;

/** Times up to now that are chosen by one press. */
export const lasts = { h24: 24 * hourMs, d3: 72 * hourMs, d7: 168 * hourMs, d30: 720 * hourMs } as const;
export type Last = keyof typeof lasts;

export interface TimeRange {
  /** Null where a person chose days of their own. */
  last: Last | null;
  since: string;
  until: string;
}

type RangeFilters = Filters<'last' | 'since' | 'until'>;

/** What the address says, or the last seven days. Days are those of the reader's time zone, both ends counted in. */
export function useTimeRange(filters: ComputedRef<RangeFilters>): ComputedRef<TimeRange> {
  return computed(() => {
    const { last, since, until } = filters.value;
    const from = dayStart(since);
    const to = dayStart(until);
    if (from !== undefined && to !== undefined) {
      to.setDate(to.getDate() + 1);
      return { last: null, since: from.toISOString(), until: to.toISOString() };
    }
    const chosen: Last = last !== undefined && last in lasts ? (last as Last) : 'd7';
    const now = new Date();
    return {
      last: chosen,
      since: new Date(now.getTime() - lasts[chosen]).toISOString(),
      until: now.toISOString(),
    };
  });
}

function dayStart(day: string | undefined): Date | undefined {
  const at = day && /^\d{4}-\d{2}-\d{2}$/.test(day) ? new Date(`${day}T00:00:00`) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at : undefined;
}

/** `2026-11-26`, of the reader's time zone: what a date input wants. */
export function dayOf(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The day that an exclusive end belongs to. */
export const lastDayOf = (iso: string) => dayOf(new Date(Date.parse(iso) - 1).toISOString());
