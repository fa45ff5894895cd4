import type { Command } from 'commander';
import type { CommandContext } from '../terminal/context.js';
import { print } from '../terminal/print.js';

export function addMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description('bring the database up to date; safe to run at any time, also several times at once')
    .action(() => migrate(context));
}

async function migrate(context: CommandContext): Promise<void> {
  const [
    { readDatabaseConfig },
    { migrateDatabase },
    { checkSuitability },
    { createLogger },
    { useDatabase },
  ] = await Promise.all([
    import('../../config/settings.js'),
    import('../../db/migrate.js'),
    import('../../db/suitability.js'),
    import('../../observe/log.js'),
    import('../database/in-use.js'),
  ]);
  const config = readDatabaseConfig(context.environment());
  const log = createLogger(config.logLevel, context.out);
  const database = await useDatabase(config, log);
  try {
    const onError = (error: Error) =>
      log.warn({ event: 'connection_lost', err: error }, 'database connection lost');
    await checkSuitability(database.url, onError);
    const applied = await migrateDatabase(database.url, onError);
    print(context, applied.length > 0 ? `applied: ${applied.join(', ')}` : 'the database is up to date');
  } finally {
    await database.release();
  }
}
