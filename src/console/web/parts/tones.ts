import type { Attempt, DeliveryState, MessageState } from '../../contract/history.js';

/** Colour of a state: what is well, what moves, what wants a look, what went wrong, what is over. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'still';

/** Of every state that the server names; a word means the same wherever it stands. */
export const tones: Readonly<Record<string, Tone>> = {
  received: 'busy',
  answering: 'busy',
  with_agent: 'warn',
  settled: 'good',
  failed: 'bad',
  pending: 'busy',
  sending: 'busy',
  sent: 'good',
  expired: 'bad',
  unknown: 'warn',
  cancelled: 'still',
  running: 'busy',
  token: 'warn',
  transient: 'warn',
  throttled: 'warn',
  permanent: 'bad',
  waiting: 'warn',
  taken: 'busy',
  bot: 'good',
  quiet: 'still',
} satisfies Record<
  MessageState | DeliveryState | Attempt['outcome'] | 'waiting' | 'taken' | 'bot' | 'quiet',
  Tone
>;
