import type { PoolClient } from 'pg';
import type { Pool } from './pool.js';

/**
 * Runs in one transaction, which commits when `run` has come to its end and is rolled back when it throws.
 *
 * @param begin e.g. `begin isolation level repeatable read, read only`
 */
export async function inTransaction<T>(
  pool: Pool,
  begin: string,
  run: (client: PoolClient) => Promise<T>,
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
