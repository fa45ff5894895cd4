import type { AccountConfig } from '../config/settings.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { scrub } from '../observe/scrub.js';
import { createWideLines } from '../observe/wide-lines.js';
import { type InboundMessage, messageType } from '../wechat/in/message.js';
import { replyWindow } from '../wechat/in/window.js';
import type { Inbox } from './queue.js';
import type { Refusals } from './refusals.js';
import type { PushResponse } from './response.js';

export interface AcceptDependencies {
  inbox: Inbox;
  refusals: Refusals;
  log: Logger;
  metrics: Metrics;
}

/** When a push came, by `performance.now()`, and what it is called. */
export interface Receipt {
  requestId: string;
  startedAt: number;
}

/** Has a message stored, and says to WeChat what became of it. */
export type Accept = (
  account: AccountConfig,
  message: InboundMessage,
  receipt: Receipt,
) => Promise<PushResponse>;

export function createAccept({ inbox, refusals, log, metrics }: AcceptDependencies): Accept {
  const lines = createWideLines(log);

  return async (account, message, { requestId, startedAt }) => {
    const { appId, ordered, windows } = account;
    const window = replyWindow(message, windows);
    const result = await inbox.commit({ appId, ordered, message, window, requestId });
    if (result.kind === 'shed') return refusals.shed(appId);
    const type = message.kind === 'unknown' ? 'other' : messageType(message);
    metrics.inbound.inc({ account: appId, type, result: result.kind });
    if (result.kind === 'unavailable') {
      log.error(
        { event: 'push_not_stored', request_id: requestId, app_id: appId, reason: scrub(result.reason) },
        'push not stored',
      );
      return { status: 503, text: 'not stored, try again' };
    }
    lines.push({
      request_id: requestId,
      app_id: appId,
      type,
      push_event: message.kind === 'event' ? message.name : undefined,
      msg_id: message.kind === 'event' ? undefined : message.msgId,
      result: result.kind,
      duration_ms: Math.round((performance.now() - startedAt) * 10) / 10,
    });
    return { status: 200, text: '' };
  };
}
