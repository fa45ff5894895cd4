/** Local zone, to the second: 2026-11-23 09:05:07. */
export function localTime(time: Date | null | undefined): string {
  if (!time) return '';
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** For tables: without the year, unless it is another one. */
export function shortTime(time: Date | null | undefined): string {
  const text = localTime(time);
  return time?.getFullYear() === new Date().getFullYear() ? text.slice('2026-'.length) : text;
}
