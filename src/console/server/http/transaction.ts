import type { PoolClient } from 'pg';
import type { Pool } from '../../../db/pool.js';

/** What runs statements: a transaction's connection, or a pool. */
export type Statements = Pick<PoolClient, 'query'>;

/** One transaction, of which wechat.operator_action says that this person did it. */
export function asPerson<T>(pool: Pool, name: string, run: (client: Statements) => Promise<T>): Promise<T> {
  return inTransaction(pool, 'begin', async (client) => {
    await client.query(`select set_config('wechat.operator', $1, true)`, [name]);
    return run(client);
  });
}

/** @param begin e.g. `begin read only` */
export async function inTransaction<T>(
  pool: Pool,
  begin: string,
  run: (client: Statements) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin);
    const result = await run(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that cannot even roll back is of no more use.
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
