import type { AccountConfig } from '../config/settings.js';
import { scrub } from '../lib/scrub.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { type TraceSpan, type Tracing, traceIdOf } from '../observe/tracing.js';
import { createWideLines } from '../observe/wide-lines.js';
import { type InboundMessage, messageType } from '../wechat/in/message.js';
import { replyWindow } from '../wechat/in/window.js';
import type { CommitResult, Inbox } from './queue.js';
import type { Refusals } from './refusals.js';
import type { PushResponse } from './response.js';

export interface AcceptDependencies {
  inbox: Inbox;
  refusals: Refusals;
  log: Logger;
  metrics: Metrics;
  tracing: Pick<Tracing, 'startPush'>;
}

/** When a push came, by `performance.now()`, and what it is called. */
export interface Receipt {
  requestId: string;
  startedAt: number;
  /** Header of that name. */
  traceparent: string | undefined;
}

/** Has a message stored, and says to WeChat what became of it. */
export type Accept = (
  account: AccountConfig,
  message: InboundMessage,
  receipt: Receipt,
) => Promise<PushResponse>;

export function createAccept({ inbox, refusals, log, metrics, tracing }: AcceptDependencies): Accept {
  const lines = createWideLines(log);

  return async (account, message, receipt) => {
    const { appId } = account;
    const type = message.kind === 'unknown' ? 'other' : messageType(message);
    const event = message.kind === 'event' ? message.name : undefined;
    const span = tracing.startPush({ ...receipt, appId, type, event });
    const { result, traceparent } = await commit(account, message, receipt.requestId, span);
    const response = respond(account, message, { receipt, result, type, trace_id: traceIdOf(traceparent) });
    span?.end(
      { 'http.response.status_code': response.status, 'wechat_outbox.result': result.kind },
      response.status >= 500 ? result.kind : undefined,
    );
    return response;
  };

  async function commit(
    { appId, ordered, windows }: AccountConfig,
    message: InboundMessage,
    requestId: string,
    push: TraceSpan | undefined,
  ): Promise<{ result: CommitResult; traceparent: string | undefined }> {
    const window = replyWindow(message, windows);
    const span = push?.startCommit();
    const result = await inbox.commit({ appId, ordered, message, window, requestId, span });
    span?.end(
      { 'wechat_outbox.result': result.kind },
      result.kind === 'unavailable' ? result.kind : undefined,
    );
    return { result, traceparent: span?.traceparent };
  }

  function respond(
    { appId }: AccountConfig,
    message: InboundMessage,
    {
      receipt: { requestId, startedAt },
      result,
      type,
      trace_id,
    }: { receipt: Receipt; result: CommitResult; type: string; trace_id: string | undefined },
  ): PushResponse {
    if (result.kind === 'shed') return refusals.shed(appId);
    metrics.inbound.inc({ account: appId, type, result: result.kind });
    if (result.kind === 'unavailable') {
      log.error(
        {
          event: 'push_not_stored',
          request_id: requestId,
          trace_id,
          app_id: appId,
          reason: scrub(result.reason),
        },
        'push not stored',
      );
      return { status: 503, text: 'not stored, try again' };
    }
    lines.push({
      request_id: requestId,
      trace_id,
      app_id: appId,
      type,
      push_event: message.kind === 'event' ? message.name : undefined,
      msg_id: message.kind === 'event' ? undefined : message.msgId,
      result: result.kind,
      duration_ms: Math.round((performance.now() - startedAt) * 10) / 10,
    });
    return { status: 200, text: '' };
  }
}
