import { readDatabaseConfig } from '../../config/settings.js';
import { asPerson } from '../../console/server/http/transaction.js';
import { addUser, password as passwordRule } from '../../console/server/sign-in/users.js';
import { migrateDatabase } from '../../db/migrate.js';
import { createPool, type Pool } from '../../db/pool.js';
import { checkSuitability } from '../../db/suitability.js';
import { createLogger } from '../../observe/log.js';
import { useDatabase } from '../database/in-use.js';
import { operatorName } from '../database/operator-name.js';
import type { CommandContext } from '../terminal/context.js';
import { print } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';
import type { Words } from '../words/index.js';

/** @throws UsageError for one that the console would not take */
export function checkConsolePassword(password: string, words: Words): void {
  if (!passwordRule.safeParse(password).success) throw new UsageError(words.commands.user.badPassword);
}

/** The database as a service that starts would make it; what runs within finds it by DATABASE_URL. */
export async function withPreparedDatabase(
  context: CommandContext,
  use: (within: CommandContext, pool: Pool) => Promise<void>,
): Promise<void> {
  const environment = context.environment();
  const database = await useDatabase(readDatabaseConfig(environment), createLogger('warn', context.out));
  try {
    await checkSuitability(database.url, () => undefined);
    await migrateDatabase(database.url, () => undefined);
    const pool = createPool({
      ...{ connectionString: database.url, name: 'init', max: 1, statementTimeoutMs: 60_000 },
      onError: () => undefined,
    });
    const settings = { ...environment, DATABASE_URL: database.url, DATABASE_PASSWORD: undefined };
    try {
      await use({ ...context, environment: () => settings }, pool);
    } finally {
      await pool.end();
    }
  } finally {
    await database.release();
  }
}

/** An admin: they make the others. One of that name that is there already stays as it is. */
export async function addConsoleUser(
  context: CommandContext,
  pool: Pool,
  { name, password }: { name: string; password: string },
): Promise<void> {
  const { user: say } = context.words.commands;
  const user = { name, displayName: name, role: 'admin', password } as const;
  const result = await asPerson(pool, operatorName(), (client) => addUser(client, user));
  print(context, result === 'exists' ? say.exists(name) : say.added(name, user.role));
}
