export interface Asked {
  /** Of the parts that begin with a colon, in their order. */
  values: string[];
  query: URLSearchParams;
  body: string;
}

export interface Answer {
  status: number;
  body?: unknown;
  /** Anything but JSON. */
  file?: { type: string; bytes: Uint8Array };
}

export type FakeRoutes = Record<string, (asked: Asked) => Answer>;

export const ok = (body?: unknown): Answer => ({ status: body === undefined ? 204 : 200, body });

export const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

/** What users write, and worse. */
export const nastyTexts = [
  '你好,请问几点开门?',
  '<script>alert(document.cookie)</script><img src=x onerror=alert(1)>',
  'مرحبا كيف الحال؟ \u202Eevil reversed\u202C',
  '👨‍👩‍👧‍👦🏳️‍🌈🇨🇳 [微笑] /::) 👩🏽‍💻',
  'very long '.repeat(120),
  `https://example.com/${'a'.repeat(300)}`,
  'first line\nsecond line\n\n\tfourth',
  '{{ 7 * 7 }} {name} @:shell.close | %s',
  'Z̷̢̛͚a̶̡͉l̸͔̈g̷̟̈́o̵̙͂',
  '',
] as const;
