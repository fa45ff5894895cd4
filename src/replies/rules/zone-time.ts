import type { TimeOfWeek } from './rules.js';

export interface LocalTime {
  /** Minutes of the day. */
  readonly minute: number;
  /** 0: Monday. */
  readonly weekday: number;
}

export type LocalTimes = (timeZone: string, at: Date) => LocalTime;

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Formats are slow to make: one for each zone. */
export function createLocalTimes(): LocalTimes {
  const formats = new Map<string, Intl.DateTimeFormat>();
  return (timeZone, at) => {
    let format = formats.get(timeZone);
    if (!format) {
      format = new Intl.DateTimeFormat('en-US', {
        ...{ timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
      });
      formats.set(timeZone, format);
    }
    let minute = 0;
    let weekday = 0;
    for (const { type, value } of format.formatToParts(at)) {
      if (type === 'hour') minute += Number(value) * 60;
      else if (type === 'minute') minute += Number(value);
      else if (type === 'weekday') weekday = weekdays.indexOf(value);
    }
    return { minute, weekday };
  };
}

/** Behind midnight, hours that began the day before are of the new day. */
export function isWithin({ hours, weekdays }: TimeOfWeek, { minute, weekday }: LocalTime): boolean {
  if (weekdays.length > 0 && !weekdays.includes(weekday)) return false;
  if (hours.length === 0) return true;
  return hours.some(({ from, to }) =>
    from < to ? minute >= from && minute < to : minute >= from || minute < to,
  );
}
