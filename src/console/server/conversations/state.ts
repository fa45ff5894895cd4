import type { ConversationState } from '../../contract/conversations.js';

/** After so long without a word of the user their conversation is quiet: no reply window lasts longer. */
export const quietAfterMs = 48 * 3_600_000;

export interface StateFacts {
  /** When the user last wrote or did something. */
  received_at: Date;
  /** Whether the reply logic is silent: there is a row of handover. */
  is_silent: boolean;
  agent: string | null;
  external: string | null;
}

/** Tencent's customer service before an agent who had it before: it is theirs again at the end. Null: it waits for a person. */
export const holderOf = ({ agent, external }: Pick<StateFacts, 'agent' | 'external'>): string | null =>
  external ?? agent;

export function stateOf({ received_at, is_silent, ...holders }: StateFacts): ConversationState {
  if (is_silent) return holderOf(holders) === null ? 'waiting' : 'taken';
  return received_at.getTime() < Date.now() - quietAfterMs ? 'quiet' : 'bot';
}
