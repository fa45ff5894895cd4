const two = (value: number): string => String(value).padStart(2, '0');

export function clockTime(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** As chats show it: the time of today, else with its day. */
export function chatTime(at: number, now: number, yesterday: string): string {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
  if (days <= 0) return time;
  return days === 1 ? `${yesterday} ${time}` : `${date.getMonth() + 1}/${date.getDate()} ${time}`;
}

/** 47:59:58, or 0:58 when only minutes are left. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
