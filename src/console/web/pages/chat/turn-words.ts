import type { SentTurn, Turn, UserTurn } from '../../../contract/conversations.js';
import { type Tone, tones } from '../../parts/tones.js';
import type { UseWords } from '../../use/words.js';
import type { WordKey } from '../../words/index.js';

/** What is normal for its side is not said: a user's message that is settled. */
const states: Readonly<Record<string, WordKey>> = {
  received: 'chat.state.received',
  answering: 'chat.state.answering',
  with_agent: 'chat.state.with_agent',
  failed: 'chat.state.failed',
  pending: 'chat.state.pending',
  sending: 'chat.state.sending',
  sent: 'chat.state.sent',
  expired: 'chat.state.expired',
  unknown: 'chat.state.unknown',
  cancelled: 'chat.state.cancelled',
};

export function turnState(turn: Turn): { key: WordKey; tone: Tone } | undefined {
  const key = turn.from === 'event' ? undefined : states[turn.state];
  if (turn.from === 'event' || key === undefined) return undefined;
  // That a message went out is no news; all else is louder.
  return { key, tone: turn.state === 'sent' ? 'still' : (tones[turn.state] ?? 'still') };
}

/** `own` is the name of who reads. */
export function speaker(t: UseWords['t'], turn: UserTurn | SentTurn, own: string): string {
  if (turn.from !== 'agent') return t(`chat.from.${turn.from}`);
  if (turn.agent === null) return t('chat.from.agent');
  return turn.agent === own ? t('chat.from.you') : t('chat.from.agentNamed', { agent: turn.agent });
}
