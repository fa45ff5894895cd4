import type { AccessTokens } from '../accounts/access-token.js';
import type { AccountConfig } from '../config/settings.js';
import type { SendClients } from './clients.js';

export interface TypingDependencies {
  clients: Pick<SendClients, 'others'>;
  tokens: AccessTokens;
}

/** Shows "typing" to the user until stopped, if that takes long enough. */
type ShowTyping = (account: AccountConfig, openid: string) => { stop(): void };

/** Quicker answers come without it. */
const firstAfterMs = 1_000;
/** WeChat shows it for some fifteen seconds. */
const againAfterMs = 14_000;

/** The typing indicator: a courtesy, so whatever goes wrong with it is ignored, and no reply waits for it. */
export function createTyping({ clients, tokens }: TypingDependencies): ShowTyping {
  return (account, openid) => {
    if (!account.typingIndicator) return { stop: () => undefined };
    let isShown = false;
    let stopped = false;
    const show = async (command: 'Typing' | 'CancelTyping') => {
      const token = await tokens.get(account);
      const errcode = await clients.others(account.appId).setTyping(token, openid, command);
      isShown = command === 'Typing' && errcode === 0;
      // Answered while the call was under way.
      if (isShown && stopped) await show('CancelTyping');
    };
    const tick = () => {
      show('Typing').catch(() => undefined);
      timer = setTimeout(tick, againAfterMs);
    };
    let timer = setTimeout(tick, firstAfterMs);
    return {
      stop() {
        stopped = true;
        clearTimeout(timer);
        if (isShown) show('CancelTyping').catch(() => undefined);
      },
    };
  };
}
