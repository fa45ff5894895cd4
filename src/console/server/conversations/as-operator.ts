import type { PoolClient } from 'pg';
import type { Pool } from '../../../db/pool.js';

/** Runs a change in a transaction in this person's name: operator_action bears it. */
export async function asOperator<Result>(
  pool: Pool,
  name: string,
  change: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    await client.query(`select set_config('wechat.operator', $1, true)`, [name]);
    const result = await change(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
