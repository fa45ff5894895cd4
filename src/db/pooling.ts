import pg from 'pg';
import type { Pool } from './pool.js';

/**
 * Whether something between us and Postgres gives each transaction the connection that is free just then. It shows when
 * two clients that have connections at the same time give them back in one order and in the other: whether the pooler
 * hands out the one that came back last or the one that came back first, one of the two then has another than before.
 */
export async function isPooledByTransaction(pool: Pool): Promise<boolean> {
  const first = await pool.connect();
  try {
    const second = await pool.connect();
    try {
      const clients = [first, second] as const;
      return (await changesBackend(clients, 'first')) || (await changesBackend(clients, 'last'));
    } finally {
      second.release();
    }
  } catch (error) {
    if (isStatementPooling(error)) return true;
    throw error;
  } finally {
    first.release();
  }
}

/** @param gaveBack when the client that is asked again first gave its connection back: before the other one, or after */
async function changesBackend(
  [one, other]: readonly [pg.ClientBase, pg.ClientBase],
  gaveBack: 'first' | 'last',
): Promise<boolean> {
  await one.query('begin');
  const before = await backendOf(one);
  await other.query('begin');
  for (const client of gaveBack === 'first' ? [one, other] : [other, one]) await client.query('commit');
  return (await backendOf(one)) !== before;
}

async function backendOf(client: pg.ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid;
}

/** Where each statement has a connection of its own, no transaction can begin. */
function isStatementPooling(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError &&
    /statement pooling|transaction blocks? not allowed/i.test(error.message)
  );
}
