import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMigrations } from 'graphile-worker';
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { createKysely } from './kysely.js';
import { createPool, type Pool } from './pool.js';

const directory = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** Where the migrator keeps its books. */
const bookkeeping = {
  migrationTableSchema: 'wechat',
  migrationTableName: 'schema_migration',
  migrationLockTableName: 'schema_migration_lock',
};

/** So that any number of processes may start at once: one migrates, the others wait and find it done. */
const lockKey = 1467502434;

export class MigrationError extends Error {
  readonly code = 'MIGRATION';
  constructor(name: string, cause: unknown) {
    super(`Migration ${name} failed and was rolled back: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
    this.name = 'MigrationError';
  }
}

/**
 * Brings the schemas `wechat` and `graphile_worker` up to date.
 *
 * @returns the names of the files applied now, in order; empty when all were
 * @throws MigrationError naming the file at fault
 */
export async function migrate(pool: Pool): Promise<string[]> {
  const lock = await pool.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [lockKey]);
    // First: functions of ours add jobs.
    await runMigrations({ pgPool: pool });
    const db = createKysely(pool);
    const migrator = new Migrator({ db, provider: { getMigrations: readMigrations }, ...bookkeeping });
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error) {
      const culprit = results.find(({ status }) => status === 'Error');
      throw new MigrationError(culprit?.migrationName ?? '(none)', error);
    }
    return results.map(({ migrationName }) => migrationName);
  } finally {
    // Ends the session and with it the lock: a lock returned to the pool would outlive this call.
    lock.release(true);
  }
}

/**
 * As `migrate`, for callers without a pool: on connections of its own, which take as long as a migration takes.
 *
 * @param onError told of each connection that breaks
 */
export async function migrateDatabase(
  connectionString: string,
  onError: (error: Error) => void,
): Promise<string[]> {
  const pool = createPool({ connectionString, name: 'migrate', max: 2, statementTimeoutMs: 0, onError });
  try {
    return await migrate(pool);
  } finally {
    await pool.end();
  }
}

/** The names of migrations that this version knows and the database lacks. */
export async function pendingMigrations(pool: Pool): Promise<string[]> {
  const known = Object.keys(await readMigrations());
  const table = await pool.query<{ exists: boolean }>(
    `select to_regclass('wechat.schema_migration') is not null as exists`,
  );
  if (!table.rows[0]?.exists) return known;
  const applied = await pool.query<{ name: string }>('select name from wechat.schema_migration');
  const names = new Set(applied.rows.map(({ name }) => name));
  return known.filter((name) => !names.has(name));
}

async function readMigrations(): Promise<Record<string, Migration>> {
  const migrations: Record<string, Migration> = {};
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  for (const file of files) {
    const text = await readFile(path.join(directory, file), 'utf8');
    migrations[path.basename(file, '.sql')] = {
      async up(db) {
        await sql.raw(text).execute(db);
      },
    };
  }
  return migrations;
}
