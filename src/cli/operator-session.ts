import { hostname, userInfo } from 'node:os';
import { readDatabaseConfig } from '../config/settings.js';
import { createPool, type Pool } from '../db/pool.js';
import { createLogger } from '../observe/log.js';
import { useDatabase } from './database.js';

export type Environment = Record<string, string | undefined>;

/**
 * A database connection for one command, under the name of who runs it (for wechat.operator_action).
 *
 * @param statementTimeoutMs for commands that read more than a person would wait for
 */
export async function withDatabase<T>(
  environment: Environment,
  use: (pool: Pool) => Promise<T>,
  {
    statementTimeoutMs = 60_000,
    connections = 1,
  }: { statementTimeoutMs?: number; connections?: number } = {},
): Promise<T> {
  const config = readDatabaseConfig(environment);
  const database = await useDatabase(config, createLogger('warn'));
  const pool = createPool({
    connectionString: database.url,
    name: 'command',
    max: connections,
    statementTimeoutMs,
    onError: () => undefined,
  });
  try {
    await pool.query(`select set_config('wechat.operator', $1, false)`, [operatorName()]);
    return await use(pool);
  } finally {
    await pool.end();
    await database.release();
  }
}

/** In a container the user may have no name. */
function operatorName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `${process.getuid?.() ?? 'user'}@${hostname()}`;
  }
}
