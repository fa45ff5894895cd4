/** What the account may show of itself to a user. */
export type TypingCommand = 'Typing' | 'CancelTyping';

/** A typing command that was accepted. */
export interface TypingSignal {
  at: number;
  appId: string;
  openid: string;
  command: TypingCommand;
}

/** Which users of one account see it typing, and who may be shown so. */
export interface Typing {
  /** The user did something. */
  acted(openid: string): void;
  /** The user got a message, which ends the typing. */
  received(openid: string): void;
  /** Carries the command out, or says which errcode refuses it. */
  show(openid: string, command: TypingCommand): 45080 | 45081 | undefined;
}

/** How recent an exchange with the user must be. */
const exchangeMs = 30_000;
/** How long the user sees it. */
const typingMs = 15_000;

/** Both times are over at the very millisecond at which they end. */
export function createTyping(clock: () => number): Typing {
  const exchangedAt = new Map<string, number>();
  const typingUntil = new Map<string, number>();
  return {
    acted(openid) {
      exchangedAt.set(openid, clock());
    },
    received(openid) {
      exchangedAt.set(openid, clock());
      typingUntil.delete(openid);
    },
    show(openid, command) {
      const now = clock();
      if (now - (exchangedAt.get(openid) ?? Number.NEGATIVE_INFINITY) >= exchangeMs) return 45080;
      if (command === 'CancelTyping') {
        typingUntil.delete(openid);
        return undefined;
      }
      if ((typingUntil.get(openid) ?? now) > now) return 45081;
      typingUntil.set(openid, now + typingMs);
      return undefined;
    },
  };
}

export function isTypingCommand(value: unknown): value is TypingCommand {
  return value === 'Typing' || value === 'CancelTyping';
}
