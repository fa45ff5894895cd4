import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A push that was acknowledged, as its line in the log has it. */
export interface LoggedPush {
  requestId: string;
  at: Date;
  appId: string;
  type: string;
}

/** A call of the API that was, or may have been, carried out. */
export interface LoggedAttempt {
  messageId: string;
  deliveryId: string;
  attempt: number;
}

/** What the service's own log says of a time that the database has lost. */
export interface LoggedWork {
  /** Acknowledged, in the order of the files. */
  pushes: LoggedPush[];
  attempts: LoggedAttempt[];
}

interface Line {
  event?: string;
  time?: string;
  request_id?: string;
  message_id?: string;
  delivery_id?: string;
  attempt?: number;
  app_id?: string;
  type?: string;
  push_event?: string;
  result?: string;
  outcome?: string;
}

/**
 * Reads the two wide lines of log files, as they came from standard output: whatever stands before the JSON (journald's and
 * Docker's prefixes) and all other lines are passed over.
 *
 * @param until lines of the service after the restore tell of that time
 */
export async function readServiceLogs(
  files: readonly string[],
  { since, until }: { since: Date; until: Date | undefined },
): Promise<LoggedWork> {
  const pushes: LoggedPush[] = [];
  const attempts: LoggedAttempt[] = [];
  for (const file of files) {
    for await (const text of createInterface({
      input: createReadStream(file),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      const line = parse(text);
      const at = line?.time ? new Date(line.time) : undefined;
      if (!line || !at || at < since || (until && at >= until)) continue;
      if (line.event === 'push' && line.result === 'stored' && line.request_id)
        pushes.push({
          requestId: line.request_id,
          at,
          appId: line.app_id ?? '',
          type: line.push_event ?? line.type ?? '',
        });
      // What came of an unknown one nobody knows: it may have been carried out.
      if (line.event !== 'attempt' || !['sent', 'unknown'].includes(line.outcome ?? '')) continue;
      const { message_id: messageId, delivery_id: deliveryId, attempt } = line;
      if (messageId && deliveryId && attempt) attempts.push({ messageId, deliveryId, attempt });
    }
  }
  return { pushes, attempts };
}

function parse(text: string): Line | undefined {
  if (!text.includes('"event":"push"') && !text.includes('"event":"attempt"')) return undefined;
  try {
    return JSON.parse(text.slice(text.indexOf('{'))) as Line;
  } catch {
    // Torn by the end of the process, or not ours.
    return undefined;
  }
}
