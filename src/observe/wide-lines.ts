import { scrub } from '../lib/scrub.js';
import type { Logger } from './log.js';

/** A push that was stored, or had been before. */
export interface PushLine {
  request_id: string;
  /** Where a span records the push. */
  trace_id: string | undefined;
  app_id: string;
  /** Of the message; `other` where it is unknown to this version. */
  type: string;
  /** Event in lower case, where it is one. */
  push_event: string | undefined;
  /** WeChat's MsgId: the same for all pushes of a message. */
  msg_id: string | undefined;
  result: 'stored' | 'duplicate';
  duration_ms: number;
}

/** A call of the API for a delivery, and what came of it. */
export interface AttemptLine {
  request_id: string | undefined;
  trace_id: string | undefined;
  app_id: string;
  message_id: string;
  delivery_id: string;
  attempt: number;
  outcome: string;
  status: string;
  errcode: number | undefined;
  errmsg: string;
  http_status: number | undefined;
  duration_ms: number;
}

/** As much as is stored of it. */
const maxErrmsgLength = 2_000;

/**
 * The two lines that are written for every message, so their cost counts (docs/performance.md). Nothing looks for
 * secrets in them: these fields, all of them, are known to hold none.
 */
export interface WideLines {
  push(line: PushLine): void;
  attempt(line: AttemptLine): void;
}

/** @param log its bindings, level and destination are theirs too */
export function createWideLines(log: Logger): WideLines {
  const unredacted = log.child({}, { redact: [] });
  return {
    push({ request_id, trace_id, app_id, type, push_event, msg_id, result, duration_ms }) {
      unredacted.info(
        { event: 'push', request_id, trace_id, app_id, type, push_event, msg_id, result, duration_ms },
        'push',
      );
    },

    // Field by field, not as it came: an object may hold more than its type says.
    attempt(line) {
      const { request_id, trace_id, app_id, message_id, delivery_id, attempt, outcome, status } = line;
      const { errcode, http_status, duration_ms } = line;
      const isSent = outcome === 'sent';
      // What others answered may be anything, a page of a proxy that quotes our URL included.
      const errmsg = isSent ? line.errmsg : scrub(line.errmsg.slice(0, maxErrmsgLength));
      unredacted[isSent ? 'info' : 'warn'](
        {
          event: 'attempt',
          request_id,
          trace_id,
          app_id,
          message_id,
          delivery_id,
          attempt,
          outcome,
          status,
          errcode,
          errmsg,
          http_status,
          duration_ms,
        },
        'attempt',
      );
    },
  };
}
