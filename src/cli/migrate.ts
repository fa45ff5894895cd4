import { readDatabaseConfig } from '../config/settings.js';
import { migrateDatabase } from '../db/migrate.js';
import { checkSuitability } from '../db/suitability.js';
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
  try {
    const onError = (error: Error) =>
      log.warn({ event: 'connection_lost', err: error }, 'database connection lost');
    await checkSuitability(database.url, onError);
    const applied = await migrateDatabase(database.url, onError);
    process.stdout.write(
      applied.length > 0 ? `applied: ${applied.join(', ')}\n` : 'the database is up to date\n',
    );
  } finally {
    await database.release();
  }
}
