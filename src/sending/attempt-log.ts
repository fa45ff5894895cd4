import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { scrub } from '../observe/scrub.js';
import type { WideLines } from '../observe/wide-lines.js';
import type { ClaimedMessage } from '../outbox/claim.js';
import { classifyErrcode } from '../wechat/out/errors.js';
import type { Decision } from './decide.js';

interface About {
  log: Logger;
  lines: Pick<WideLines, 'attempt'>;
  metrics: Metrics;
  message: Pick<ClaimedMessage, 'id' | 'appId' | 'requestId'>;
  deliveryId: string;
}

/** One wide line for each call of the API, and its metric. */
export function logAttempt(
  { lines, metrics, message, deliveryId }: About,
  { decision, attempt, durationMs }: { decision: Decision; attempt: number; durationMs: number },
): void {
  const { outcome, status, errcode, errmsg, httpStatus } = decision;
  metrics.attempts.inc({ account: message.appId, outcome, errcode: errcodeLabel(errcode) });
  lines.attempt({
    request_id: message.requestId,
    app_id: message.appId,
    message_id: message.id,
    delivery_id: deliveryId,
    attempt,
    outcome,
    status,
    errcode,
    errmsg,
    http_status: httpStatus,
    duration_ms: durationMs,
  });
}

/** Bounded: codes that we do not know are one. */
function errcodeLabel(errcode: number | undefined): string {
  if (errcode === undefined) return 'none';
  return errcode === 0 || classifyErrcode(errcode) ? String(errcode) : 'other';
}

/** No call could be made: what it needs could not be had. */
export function logNoCall(
  { log, message, deliveryId }: About,
  { decision, wanting }: { decision: Decision; wanting: 'access token' | 'media' },
): void {
  const { status, errcode, errmsg, pause } = decision;
  log.error(
    {
      event: wanting === 'media' ? 'no_media' : 'no_access_token',
      request_id: message.requestId,
      app_id: message.appId,
      message_id: message.id,
      delivery_id: deliveryId,
      status,
      errcode,
      errmsg: scrub(errmsg),
      pauses: pause?.reason,
    },
    `no ${wanting}`,
  );
}
