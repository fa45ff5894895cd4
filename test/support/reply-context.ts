import { pino } from 'pino';
import type { ReplyContext } from '../../src/replies/router.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';

const refuse = (what: string) => () => Promise.reject(new Error(`This test has no ${what}`));

/** A context for reply logic that is called by hand; what reaches out of it is refused, unless it is given. */
export function replyContext(message: InboundMessage, given: Partial<ReplyContext> = {}): ReplyContext {
  return {
    message,
    messageId: '1',
    requestId: undefined,
    messages: [message],
    account: { appId: 'wx1', name: '测试号' },
    window: undefined,
    wechat: { media: refuse('media'), call: refuse('API') },
    history: refuse('history'),
    state: { get: refuse('state'), set: refuse('state'), clear: refuse('state') },
    once: async (_key, action) => action(),
    log: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    handOver: () => undefined,
    ...given,
  };
}
