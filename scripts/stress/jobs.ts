import type { PoolClient } from 'pg';
import type { Arena } from './arena.ts';

/** A job in hand: locked until it is done, as graphile-worker keeps it. */
export interface Job {
  laneIds: string[];
  /** @param putBack lanes to be asked for again a moment later */
  done(putBack: readonly string[]): Promise<void>;
}

const nextSql = `
  select id, payload from graphile_worker._private_jobs where run_at <= now()
  order by priority, run_at, id limit 1 for update skip locked`;

/** Takes graphile-worker's jobs as its runners do, at least once each. */
export async function nextJob({ pool }: Arena): Promise<Job | undefined> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ id: string; payload: { ids: string[] } }>(nextSql);
    const [row] = rows;
    if (row) return { laneIds: row.payload.ids, done: (putBack) => finish(client, row.id, putBack) };
    await client.query('rollback');
    client.release();
    return undefined;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function finish(client: PoolClient, id: string, putBack: readonly string[]): Promise<void> {
  try {
    if (putBack.length > 0) {
      await client.query(
        `select wechat.ring(array_agg(id), array_agg(false), array_agg(clock_timestamp() + interval '50 ms'))
         from unnest($1::bigint[]) as busy (id)`,
        [putBack],
      );
    }
    await client.query('delete from graphile_worker._private_jobs where id = $1', [id]);
    await client.query('commit');
  } finally {
    client.release();
  }
}
