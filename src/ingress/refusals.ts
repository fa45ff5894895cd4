import { createLimitedLines } from '../observe/limited-lines.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Inbox } from './queue.js';
import type { PushResponse } from './response.js';

export interface RefusalsDependencies {
  inbox: Pick<Inbox, 'waiting'>;
  log: Logger;
  metrics: Metrics;
  clock: () => Date;
}

export interface Refusal {
  appId: string;
  status: 400 | 403;
  reason: string;
  requestId: string;
  ip: string;
}

/** Says no to a push, counts it, and logs so much of it that nobody can fill the log. */
export interface Refusals {
  /** It is not from WeChat, or cannot be read. */
  refuse(refusal: Refusal): PushResponse;
  /** Too many wait. `account`: undefined where it is not one of ours. */
  shed(account: string | undefined): PushResponse;
}

export function createRefusals({ inbox, log, metrics, clock }: RefusalsDependencies): Refusals {
  const limited = createLimitedLines(() => performance.now());
  let shedCount = 0;
  let shedLoggedAt = 0;

  return {
    refuse({ appId, status, reason, requestId, ip }) {
      metrics.inbound.inc({ account: appId, type: 'unknown', result: 'refused' });
      // Of each account and each reason its own; what cannot be read has as many reasons as there are strangers.
      limited(`${appId} ${status === 403 ? reason : status}`, (unlogged) =>
        log.warn(
          { event: 'push_refused', request_id: requestId, app_id: appId, status, reason, ip, unlogged },
          'push refused',
        ),
      );
      return { status, text: status === 400 ? `not a WeChat message: ${reason}` : reason };
    },

    /** Told once a second, with how many: a line for each would be part of the overload. */
    shed(account = 'unknown') {
      metrics.inbound.inc({ account, type: 'unknown', result: 'shed' });
      shedCount += 1;
      const now = clock().getTime();
      if (now - shedLoggedAt >= 1_000) {
        log.error(
          { event: 'overloaded', waiting: inbox.waiting, refused: shedCount },
          'pushes refused: too many wait',
        );
        shedLoggedAt = now;
        shedCount = 0;
      }
      return { status: 503, text: 'too busy, try again' };
    },
  };
}
