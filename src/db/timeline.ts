import type { ClientBase } from 'pg';

/** Where the database went on, on another timeline or server than before: what was committed after `lastSignAt` may be missing. */
export interface NewTimeline {
  timeline: number;
  /** Null in a database that nothing was in. */
  lastSignAt: Date | null;
  seenAt: Date;
}

/**
 * Writes down on which server and timeline the database lives; to be called before the first write on a new connection, for that
 * would look like a sign of before.
 *
 * @returns undefined where that was known, or nothing was known before
 */
export async function noteTimeline(client: Pick<ClientBase, 'query'>): Promise<NewTimeline | undefined> {
  const { rows } = await client.query<NewTimeline & { isFirst: boolean | null }>(
    `select (noted).timeline, (noted).last_sign_at as "lastSignAt", (noted).seen_at as "seenAt", is_first as "isFirst"
     from wechat.note_timeline()`,
  );
  const [row] = rows;
  if (row?.isFirst !== false || row.timeline === null) return undefined;
  const { timeline, lastSignAt, seenAt } = row;
  return { timeline, lastSignAt, seenAt };
}
