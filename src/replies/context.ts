import type { AccountConfig } from '../config/account.js';
import type { ConversationState, JsonValue, Turn } from './router.js';

/** Whose message the reply logic is run for. */
export interface Subject {
  account: AccountConfig;
  openid: string;
  messageId: string;
}

/** What stands behind the parts of a context that reach out of this process (context/services.ts). */
export interface ContextServices {
  /** What was said before this message, oldest first. */
  history(subject: Subject, turns: number): Promise<readonly Turn[]>;
  state(subject: Subject): ConversationState;
  once(subject: Subject, key: string, action: () => Promise<JsonValue>): Promise<JsonValue>;
  call(
    subject: Subject,
    request: { method: 'GET' | 'POST'; path: string; body: JsonValue | undefined },
    signal: AbortSignal,
  ): Promise<JsonValue>;
}
