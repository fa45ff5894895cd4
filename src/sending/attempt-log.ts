import { scrub } from '../lib/scrub.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { traceIdOf } from '../observe/tracing.js';
import type { WideLines } from '../observe/wide-lines.js';
import { classifyErrcode } from '../wechat/out/errors.js';
import type { AttemptRecord } from './attempt-state.js';

/** The delivery that lines are about. */
export interface LoggedDelivery {
  appId: string;
  messageId: string;
  deliveryId: string;
  /** Of the push that brought the message. */
  requestId: string | undefined;
  /** Of the message. */
  traceparent: string | undefined;
}

interface Destinations {
  log: Logger;
  lines: Pick<WideLines, 'attempt'>;
  metrics: Metrics;
}

/** One wide line for each call of the API, and its metric; a line of its own where no call could be made. */
export function logRecord(
  { log, lines, metrics }: Destinations,
  delivery: LoggedDelivery,
  { decision, attempt, call, wanting }: AttemptRecord,
): void {
  const { status, errcode, errmsg, httpStatus, pause } = decision;
  const { requestId: request_id, appId: app_id, messageId: message_id, deliveryId: delivery_id } = delivery;
  const trace_id = traceIdOf(delivery.traceparent);
  if (call) {
    const { outcome } = call;
    metrics.attempts.inc({ account: app_id, outcome, errcode: errcodeLabel(errcode) });
    const duration_ms = call.finishedAt.getTime() - call.startedAt.getTime();
    const ids = { request_id, trace_id, app_id, message_id, delivery_id };
    lines.attempt({
      ...ids,
      attempt,
      outcome,
      status,
      errcode,
      errmsg,
      http_status: httpStatus,
      duration_ms,
    });
    return;
  }
  const event = wanting && eventOf[wanting];
  log.error(
    {
      event,
      request_id,
      trace_id,
      app_id,
      message_id,
      delivery_id,
      status,
      errcode,
      errmsg: scrub(errmsg),
      pauses: pause?.reason,
    },
    wanting === 'time' ? 'expired while the account rested' : `no ${wanting}`,
  );
}

const eventOf = { media: 'no_media', 'access token': 'no_access_token', time: 'expired_at_rest' } as const;

/** Bounded: codes that we do not know are one. */
function errcodeLabel(errcode: number | undefined): string {
  if (errcode === undefined) return 'none';
  return errcode === 0 || classifyErrcode(errcode) ? String(errcode) : 'other';
}
