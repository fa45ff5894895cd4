import { type Counted, count, durationIn } from '../measures.js';

const counts: Readonly<Record<Counted, (number: number) => string>> = {
  messages: (number) => count(number, 'message'),
  deliveries: (number) => count(number, 'delivery', 'deliveries'),
};

/** What commands have in common: counts, times, wrong calls, questions. */
export const terminal = {
  count: counts,
  duration: (ms: number) => durationIn({ ms: 'ms', s: 's', min: 'min', h: 'h', d: 'd' }, ms),
  /** How many of some came out alike, and which. */
  tally: (counted: string, meaning: string, ids: readonly string[], hasMore: boolean) =>
    `${counted}: ${meaning} (${ids.join(', ')}${hasMore ? ', …' : ''})`,
  progress: {
    of: (done: string, total: string, kind: Counted) => `${done} of ${total} ${kind}`,
    left: (duration: string) => `${duration} left`,
  },
  unchanged: 'nothing was changed',
  sayYes: (question: string) => `${question} Nothing was changed: say --yes to go ahead.`,
  noDatabase: (folder: string) =>
    `DATABASE_URL is not set, and no embedded PostgreSQL was ever started in ${folder}: run the command where the service runs, or set it`,
  inputEnded: 'The answers ended before the questions. Nothing was changed.',
  password: {
    ask: 'Password (not shown):',
    again: 'The same again:',
    differ: 'The two differ. Nothing was changed.',
    sayStdin: 'There is no terminal to ask on: say --password-stdin, and give it on standard input',
  },
  mustBe: {
    time: 'It must be like 90s, 15m, 2h, 7d (ago), 2026-11-23 or "2026-11-23 09:30".',
    id: 'It must be a number, as `list` shows it.',
    code: 'It must be an errcode, such as 45009.',
    count: 'It must be a number from 1 to 1000000.',
  },
  /** Of --help and of wrong calls: commander's own words are English, and may stay so. */
  ofCommander: (text: string) => text,
};
