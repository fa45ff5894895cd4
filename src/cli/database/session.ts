import type { Pool } from '../../db/pool.js';
import type { CommandContext } from '../terminal/context.js';

/**
 * A database connection for one command, under the name of who runs it (for wechat.operator_action).
 *
 * What it takes is loaded here, so that a command can name this function without loading a driver first.
 *
 * @param statementTimeoutMs for commands that read more than a person would wait for
 */
export async function withDatabase<T>(
  { environment, out }: Pick<CommandContext, 'environment' | 'out'>,
  use: (pool: Pool, url: string) => Promise<T>,
  {
    statementTimeoutMs = 60_000,
    connections = 1,
  }: { statementTimeoutMs?: number; connections?: number } = {},
): Promise<T> {
  const [{ readDatabaseConfig }, { openCommandPool }, { createLogger }, { useDatabase }] = await Promise.all([
    import('../../config/settings.js'),
    import('./command-pool.js'),
    import('../../observe/log.js'),
    import('./in-use.js'),
  ]);
  const database = await useDatabase(readDatabaseConfig(environment()), createLogger('warn', out));
  const pool = openCommandPool({
    connectionString: database.url,
    max: connections,
    statementTimeoutMs,
  });
  try {
    return await use(pool, database.url);
  } finally {
    await pool.end();
    await database.release();
  }
}
