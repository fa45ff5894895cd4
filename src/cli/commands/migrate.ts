import type { Command } from 'commander';
import type { CommandContext } from '../terminal/context.js';
import { print } from '../terminal/print.js';

export function addMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description(context.words.help.migrate.about)
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
    const { applied, newer } = await migrateDatabase(database.url, onError);
    const { migrate: words } = context.words.commands;
    if (newer.length > 0) print(context, words.newer(newer));
    else print(context, applied.length > 0 ? words.applied(applied) : words.upToDate);
  } finally {
    await database.release();
  }
}
