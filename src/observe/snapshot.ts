import type { Pool } from '../db/pool.js';

export const backlogStates = ['ready', 'claimed', 'delayed'] as const;

export interface Backlog {
  appId: string;
  /** Of the conversation. `ready`: due, and nobody works on it; `claimed`: a worker has it; `delayed`: it waits for its next try. */
  state: (typeof backlogStates)[number];
  messages: number;
  oldestSeconds: number;
}

export const handoverStates = ['waiting', 'taken', 'external'] as const;

export interface Handovers {
  appId: string;
  state: (typeof handoverStates)[number];
  conversations: number;
  oldestSeconds: number;
}

/** How things stand, over all processes. */
export interface Snapshot {
  /** What is not settled; no row where there is nothing. */
  backlog: Backlog[];
  /** Conversations that are people's now; no row where there is none. */
  handovers: Handovers[];
  /** Access tokens in force; negative since they expired. */
  tokens: { appId: string; expiresInSeconds: number }[];
  workersAlive: number;
}

/** The cost is that of what waits, and of what people have, not of the history. Every worker gives a sign of life each two seconds. */
const snapshotSql = `
  select
    (select coalesce(json_agg(json_build_object('appId', app_id, 'state', state, 'messages', messages,
       'oldestSeconds', extract(epoch from now() - oldest_at)) order by app_id, state), '[]') from wechat.backlog()) as backlog,
    (select coalesce(json_agg(json_build_object('appId', app_id, 'state', state, 'conversations', conversations,
       'oldestSeconds', extract(epoch from now() - oldest_at)) order by app_id, state), '[]') from (
         select app_id, case when agent is not null then 'taken' when external is not null then 'external' else 'waiting' end as state,
           count(*) as conversations, min(requested_at) as oldest_at
         from wechat.handover group by 1, 2) as held) as handovers,
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
    await pool.query<Pick<Snapshot, 'backlog' | 'handovers' | 'tokens'> & { workers: number }>(text),
  ];
  const row = results.flat().at(-1)?.rows[0];
  if (!row) throw new Error('the snapshot gave no row');
  const { backlog, handovers, tokens, workers } = row;
  return { backlog, handovers, tokens, workersAlive: workers };
}
