import type { SentTurn, Turn, UserTurn } from '../../../contract/conversations.js';
import type { UseWords } from '../../use/words.js';
import type { WordKey } from '../../words/index.js';

type Tone = 'good' | 'wait' | 'bad';

/** What a state is called, and how loud it is. What is normal for its side is not said: a user's message that is settled. */
const states: Readonly<Record<string, { key: WordKey; tone: Tone }>> = {
  received: { key: 'chat.state.received', tone: 'wait' },
  answering: { key: 'chat.state.answering', tone: 'wait' },
  with_agent: { key: 'chat.state.with_agent', tone: 'wait' },
  failed: { key: 'chat.state.failed', tone: 'bad' },
  pending: { key: 'chat.state.pending', tone: 'wait' },
  sending: { key: 'chat.state.sending', tone: 'wait' },
  sent: { key: 'chat.state.sent', tone: 'good' },
  expired: { key: 'chat.state.expired', tone: 'bad' },
  unknown: { key: 'chat.state.unknown', tone: 'bad' },
  cancelled: { key: 'chat.state.cancelled', tone: 'bad' },
};

export function turnState(turn: Turn): { key: WordKey; tone: Tone } | undefined {
  return turn.from === 'event' ? undefined : states[turn.state];
}

/** `own` is the name of who reads. */
export function speaker(t: UseWords['t'], turn: UserTurn | SentTurn, own: string): string {
  if (turn.from !== 'agent') return t(`chat.from.${turn.from}`);
  if (turn.agent === null) return t('chat.from.agent');
  return turn.agent === own ? t('chat.from.you') : t('chat.from.agentNamed', { agent: turn.agent });
}
