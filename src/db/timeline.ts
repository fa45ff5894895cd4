import pg, { type ClientBase } from 'pg';

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

/**
 * undefined_function, invalid_schema_name, undefined_table: it is still to be migrated. insufficient_privilege: whoever may not write
 * there is told so by what they do.
 */
const missing: ReadonlySet<string | undefined> = new Set(['42883', '3F000', '42P01', '42501']);

/** The same for a connection that may lead to a database which nobody has migrated yet, or to one of others. */
export function noteTimelineIfThere(client: Pick<ClientBase, 'query'>): Promise<NewTimeline | undefined> {
  return noteTimeline(client).catch((error: unknown) => {
    if (error instanceof pg.DatabaseError && missing.has(error.code)) return undefined;
    throw error;
  });
}
