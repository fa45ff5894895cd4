import type { EventMessage } from '../../wechat/in/events.js';
import type { InboundMessage } from '../../wechat/in/message.js';
import type { ReplyContext, Turn } from '../router.js';

/** Where an answer that comes later may be posted to, once. */
export interface OfferedCallback {
  url: string;
  token: string;
  expiresAt: Date;
}

/**
 * What a back end is sent. Fields may be added to it; none is taken away or changes its meaning.
 *
 * @param id the same however often the message is sent
 */
export function requestBody(
  context: ReplyContext,
  { id, history, callback }: { id: string; history: readonly Turn[]; callback: OfferedCallback | undefined },
): string {
  const { messageId, requestId, message, messages, account, window } = context;
  return JSON.stringify({
    type: 'message',
    id,
    messageId,
    requestId: requestId ?? null,
    account: { appId: account.appId, name: account.name },
    message: describe(message),
    messages: messages.map(describe),
    window: window ? { endsAt: window.endsAt, quota: window.quota ?? null } : null,
    history: history.map(({ from, at, type, text, agent, messageId }) => ({
      ...{ from, at, type, messageId },
      text: text ?? null,
      agent: agent ?? null,
    })),
    callback: callback ?? null,
  });
}

/** As modules of replies have it, with what all have in common first. What is not there is left out. */
function describe(message: InboundMessage): Record<string, unknown> {
  const { kind, openid, toUserName, createTime, fields, ...own } = message;
  return { kind, ...eventOf(message), openid, toUserName, createTime, ...own, fields };
}

function eventOf(message: InboundMessage): Partial<Pick<EventMessage, 'event' | 'name'>> {
  return message.kind === 'event' ? { event: message.event, name: message.name } : {};
}
