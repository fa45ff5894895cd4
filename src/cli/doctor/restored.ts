import type { Pool } from '../../db/pool.js';
import {
  type OpenMessage,
  pointAt,
  type RestorePoint,
  readAttempts,
  readOpen,
  readRequestIds,
  readRestorePoint,
} from '../../history/after-restore.js';
import { type LoggedPush, readServiceLogs } from './service-log.js';

export interface RestoreFlags {
  /** Instead of what the database knows. */
  point?: Date;
  /** The service's own log of the time around it. */
  log?: readonly string[];
  account?: string;
}

/** What a restored database and the service's log say together. */
export interface Restored {
  point: RestorePoint;
  /** Of the messages of before, those that are not answered to the end. */
  open: OpenMessage[];
  /** Undefined without a log: then nobody knows. */
  logged: LoggedLoss | undefined;
}

export interface LoggedLoss {
  /** Acknowledged, and not in the database. */
  lost: LoggedPush[];
  /** Of the open ones, those to which something was sent, or may have been, that is not on record. */
  answered: OpenMessage[];
}

/** Clocks differ, a line is written after its commit, and a call may last: so much before the moment we begin to compare. */
const slackMs = 120_000;

/** @returns undefined where the database is where it always was, and no moment is named */
export async function readRestored(
  pool: Pool,
  { point: named, log, account }: RestoreFlags,
): Promise<Restored | undefined> {
  const point = named ? await pointAt(pool, named) : await readRestorePoint(pool);
  if (!point) return undefined;
  const open = await readOpen(pool, point, account);
  if (!log) return { point, open, logged: undefined };
  const since = new Date(point.at.getTime() - slackMs);
  const span = { since, until: point.seenAt };
  const { pushes, attempts } = await readServiceLogs(log, span);
  const stored = await readRequestIds(pool, new Date(since.getTime() - slackMs));
  const onRecord = await readAttempts(pool, { ...span, since: new Date(since.getTime() - slackMs) });
  const sent = new Set(
    attempts
      .filter(({ deliveryId, attempt }) => !onRecord.has(`${deliveryId}/${attempt}`))
      .map(({ messageId }) => messageId),
  );
  return {
    point,
    open,
    logged: {
      lost: pushes.filter(
        ({ requestId, appId }) => !stored.has(requestId) && (account === undefined || appId === account),
      ),
      // A message that is lost bore a number that another bears by now: but not one of before.
      answered: open.filter(({ id }) => sent.has(id)),
    },
  };
}
