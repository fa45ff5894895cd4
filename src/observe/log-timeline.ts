import type { NewTimeline } from '../db/timeline.js';
import type { Logger } from './log.js';

/** A failover and a restore look the same from inside: only who did it knows whether something is missing. */
export function logTimeline(log: Logger, found: NewTimeline | undefined): void {
  if (!found) return;
  const { timeline, lastSignAt, seenAt } = found;
  log.warn(
    {
      event: 'database_timeline',
      timeline,
      last_sign_at: lastSignAt,
      gap_ms: lastSignAt ? seenAt.getTime() - lastSignAt.getTime() : undefined,
    },
    'the database goes on from a copy: after a restore, or a failover without a synchronous standby, see doctor --after-restore',
  );
}
