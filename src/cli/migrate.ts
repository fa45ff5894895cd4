import { readDatabaseConfig } from '../config.js';
import { migrate } from '../db/migrate.js';
import { createPool } from '../db/pool.js';
import { createLogger } from '../observe/log.js';
import { useDatabase } from './database.js';

/** `wechat-outbox migrate` */
export async function migrateCommand({
  environment,
}: {
  environment: Record<string, string | undefined>;
}): Promise<void> {
  const config = readDatabaseConfig(environment);
  const log = createLogger(config.logLevel);
  const database = await useDatabase(config, log);
  const pool = createPool({
    connectionString: database.url,
    name: 'migrate',
    max: 3,
    statementTimeoutMs: 0,
    onError: (error) => log.warn({ event: 'connection_lost', err: error }, 'database connection lost'),
  });
  try {
    const applied = await migrate(pool);
    process.stdout.write(
      applied.length > 0 ? `applied: ${applied.join(', ')}\n` : 'the database is up to date\n',
    );
  } finally {
    await pool.end();
    await database.release();
  }
}
