import type { Pool } from '../../db/pool.js';
import type { CommandContext } from '../terminal/context.js';
import { UsageError } from '../terminal/usage-error.js';

/**
 * A database connection for one command, under the name of who runs it (for wechat.operator_action).
 *
 * What it takes is loaded here, so that a command can name this function without loading a driver first.
 *
 * @param statementTimeoutMs for commands that read more than a person would wait for
 * @param makes whether an embedded database may be made where there is none. A command in the wrong folder should say so instead
 * @throws UsageError where it may not, and there is none
 */
export async function withDatabase<T>(
  { environment, out, words }: Pick<CommandContext, 'environment' | 'out' | 'words'>,
  use: (pool: Pool, url: string) => Promise<T>,
  {
    statementTimeoutMs = 60_000,
    connections = 1,
    makes = false,
  }: { statementTimeoutMs?: number; connections?: number; makes?: boolean } = {},
): Promise<T> {
  const [
    { readDatabaseConfig },
    { openCommandPool },
    { createLogger },
    { useDatabase },
    { hasEmbeddedPostgres },
  ] = await Promise.all([
    import('../../config/settings.js'),
    import('./command-pool.js'),
    import('../../observe/log.js'),
    import('./in-use.js'),
    import('../../db/embedded.js'),
  ]);
  const config = readDatabaseConfig(environment());
  if (!makes && !config.databaseUrl && !hasEmbeddedPostgres(config.dataDir))
    throw new UsageError(words.terminal.noDatabase(config.dataDir));
  const database = await useDatabase(config, createLogger('warn', out));
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
