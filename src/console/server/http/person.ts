import type Koa from 'koa';
import type { PoolClient } from 'pg';
import type { Pool } from '../../../db/pool.js';
import type { Right, Role } from '../../contract/rights.js';

/** Whoever is signed in. */
export interface Person {
  name: string;
  displayName: string;
  role: Role;
}

/** Lets through who has the right, and refuses the others. */
export type Requires = (right: Right) => Koa.Middleware;

export function personOf(ctx: Koa.Context): Person {
  return ctx.state.user as Person;
}

/** One transaction, in which wechat.operator_action bears the person's name. */
export async function asPerson<T>(
  pool: Pool,
  { name }: Pick<Person, 'name'>,
  change: (client: PoolClient) => Promise<T>,
): Promise<T> {
  return inTransaction(pool, 'begin', async (client) => {
    await client.query(`select set_config('wechat.operator', $1, true)`, [name]);
    return change(client);
  });
}

/** @param begin e.g. `begin read only` */
export async function inTransaction<T>(
  pool: Pool,
  begin: string,
  use: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin);
    const result = await use(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: unknown) => {
      broken = failure instanceof Error ? failure : new Error(String(failure));
    });
    throw error;
  } finally {
    // A connection that cannot even roll back is no use to anybody.
    client.release(broken);
  }
}
