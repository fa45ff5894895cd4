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

/** undefined_function: it is still to be migrated. insufficient_privilege: whoever may not write there is told so by what they do. */
const missing: ReadonlySet<string | undefined> = new Set(['42883', '42501']);

/**
 * The same for a new connection, where its server's life is not known to be written down: to look into it anew would cost each
 * connection as much as all else that sets it up.
 *
 * @param life by `requireWrites`; undefined: nobody has migrated this database yet, or it is another's
 * @param notedLives those that are known; this one is added
 */
export async function noteTimelineOnce(
  client: Pick<ClientBase, 'query'>,
  life: string | undefined,
  notedLives: Set<string>,
): Promise<NewTimeline | undefined> {
  if (life === undefined || notedLives.has(life)) return undefined;
  try {
    const found = await noteTimeline(client);
    notedLives.add(life);
    return found;
  } catch (error) {
    if (error instanceof pg.DatabaseError && missing.has(error.code)) return undefined;
    throw error;
  }
}
