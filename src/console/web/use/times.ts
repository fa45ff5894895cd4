import { onScopeDispose, type Ref, ref } from 'vue';
import { useWords } from './words.js';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export interface Times {
  /** Date and time to the second, in the reader's time zone. */
  full(iso: string): string;
  /** The time alone where it is of today, else with its date. */
  short(iso: string): string;
  /** `3 minutes ago`, `in 2 hours`. */
  relative(iso: string, now: number): string;
  /** `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
  duration(ms: number): string;
  number(value: number): string;
}

export function useTimes(): Times {
  const { t, language } = useWords();
  const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language.value, options);

  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false } as const;
  const date = { month: '2-digit', day: '2-digit' } as const;

  function relative(iso: string, now: number): string {
    const ms = Date.parse(iso) - now;
    const size = Math.abs(ms);
    const [unit, length] =
      size < minute
        ? (['second', second] as const)
        : size < hour
          ? (['minute', minute] as const)
          : size < day
            ? (['hour', hour] as const)
            : (['day', day] as const);
    return new Intl.RelativeTimeFormat(language.value, { numeric: 'auto' }).format(
      Math.trunc(ms / length),
      unit,
    );
  }

  function duration(ms: number): string {
    if (ms < second) return t('time.ms', { a: Math.round(ms) });
    if (ms < minute)
      return t('time.s', { a: ms < 10 * second ? (ms / second).toFixed(1) : Math.floor(ms / second) });
    const two = (large: number, small: number) => ({
      a: Math.floor(ms / large),
      b: Math.floor((ms % large) / small),
    });
    if (ms < hour) return t('time.minS', two(minute, second));
    return ms < day ? t('time.hMin', two(hour, minute)) : t('time.dH', two(day, hour));
  }

  return {
    full: (iso) => format({ year: 'numeric', ...date, ...clock }).format(new Date(iso)),
    short: (iso) => {
      const at = new Date(iso);
      const today = at.toDateString() === new Date().toDateString();
      return format(today ? clock : { ...date, ...clock }).format(at);
    },
    relative,
    duration,
    number: (value) => new Intl.NumberFormat(language.value).format(value),
  };
}

/** The time now, once a second, while the component is there: for countdowns. */
export function useClock(): Ref<number> {
  const now = ref(Date.now());
  const timer = setInterval(() => {
    now.value = Date.now();
  }, second);
  onScopeDispose(() => clearInterval(timer));
  return now;
}
