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

export function stateOf({ received_at, is_silent, agent, external }: StateFacts): ConversationState {
  if (is_silent) return agent === null && external === null ? 'waiting' : 'taken';
  return received_at.getTime() < Date.now() - quietAfterMs ? 'quiet' : 'bot';
}
