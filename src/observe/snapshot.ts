import type { Pool } from '../db/pool.js';

export const backlogStates = ['ready', 'claimed', 'delayed'] as const;

export interface Backlog {
  appId: string;
  /** Of the conversation. `ready`: due, and nobody works on it; `claimed`: a worker has it; `delayed`: it waits for its next try. */
  state: (typeof backlogStates)[number];
  messages: number;
  oldestSeconds: number;
}

/** How things stand, over all processes. */
export interface Snapshot {
  /** What is not settled; no row where there is nothing. */
  backlog: Backlog[];
  /** Access tokens in force; negative since they expired. */
  tokens: { appId: string; expiresInSeconds: number }[];
  workersAlive: number;
}

/** The cost is that of what waits, not of the history. Every worker gives a sign of life each two seconds. */
const snapshotSql = `
  select
    (select coalesce(json_agg(json_build_object('appId', app_id, 'state', state, 'messages', messages,
       'oldestSeconds', extract(epoch from now() - oldest_at)) order by app_id, state), '[]') from wechat.backlog()) as backlog,
    (select coalesce(json_agg(json_build_object('appId', app_id,
       'expiresInSeconds', extract(epoch from expires_at - now())) order by app_id), '[]')
     from wechat.credential where kind = 'access_token' and version > 0) as tokens,
    (select count(*)::int from wechat.worker_process
     where ended_at is null and missing_since is null and heartbeat_at > now() - interval '15 seconds') as workers`;

/**
 * Reads it in one statement, which Postgres itself cuts off: a client that only stops waiting leaves it running.
 *
 * @throws the database's own error; 57014 when the time was up
 */
export async function readSnapshot(pool: Pick<Pool, 'query'>, timeoutMs = 2_000): Promise<Snapshot> {
  // Two statements in one message are one transaction, of which `set local` is a part. pg answers with both results.
  const text = `set local statement_timeout = ${Math.trunc(timeoutMs)}; ${snapshotSql}`;
  const results = [
    await pool.query<{ backlog: Backlog[]; tokens: Snapshot['tokens']; workers: number }>(text),
  ];
  const row = results.flat().at(-1)?.rows[0];
  if (!row) throw new Error('the snapshot gave no row');
  return { backlog: row.backlog, tokens: row.tokens, workersAlive: row.workers };
}
