import type { PoolClient } from 'pg';
import type { Pool } from '../../../db/pool.js';
import { inTransaction } from '../../../db/transaction.js';

/** What runs statements: a transaction's connection, or a pool. */
export type Statements = Pick<PoolClient, 'query'>;

/** One transaction, of which wechat.operator_action says that this person did it. */
export function asPerson<T>(pool: Pool, name: string, run: (client: Statements) => Promise<T>): Promise<T> {
  return inTransaction(pool, 'begin', async (client) => {
    await client.query(`select set_config('wechat.operator', $1, true)`, [name]);
    return run(client);
  });
}
