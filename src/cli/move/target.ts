import pg from 'pg';
import { clientConfigOf } from '../../db/database-url.js';
import type { Pool } from '../../db/pool.js';
import { openCommandPool } from '../database/command-pool.js';

/** Connections to the other database, for one command; undefined where none is named. */
export async function withTarget<T>(
  url: string | undefined,
  statementTimeoutMs: number,
  use: (target: Pool | undefined) => Promise<T>,
): Promise<T> {
  if (url === undefined) return use(undefined);
  const pool = openCommandPool({ connectionString: url, max: 4, statementTimeoutMs });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

/** Host, port and name of a database, without user and password. */
export function readDatabaseName(url: string): string {
  const { host, port, database } = new pg.Client(clientConfigOf(url));
  return `${host}:${port}/${database ?? ''}`;
}
