import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runMigrations } from 'graphile-worker';
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { ClientBase } from 'pg';
import { describeError } from '../lib/describe-error.js';
import { createKysely } from './kysely.js';
import { advisoryLocks } from './locks.js';
import { createPool, type Pool } from './pool.js';

const directory = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** Where the migrator keeps its books. */
const bookkeeping = {
  migrationTableSchema: 'wechat',
  migrationTableName: 'schema_migration',
  migrationLockTableName: 'schema_migration_lock',
};

export class MigrationError extends Error {
  readonly code: string = 'MIGRATION';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
  }
}

/** Another version, newer or never released, made this database. */
export class UnknownMigrationsError extends MigrationError {
  override readonly code = 'UNKNOWN_MIGRATIONS';

  constructor(names: readonly string[]) {
    super(
      `Another version of wechat-outbox made this database: it has had migrations that this version does not know (${names.join(', ')}). Nothing was changed. If a newer version made it, run that one. If a state from before the first release did (its first migration is 0001_inbox), there is no way over: use an empty database, or drop the schemas "wechat" and "graphile_worker" if you do not need what is in them.`,
    );
    this.name = 'UnknownMigrationsError';
  }
}

/**
 * Brings the schemas `wechat` and `graphile_worker` up to date.
 *
 * @returns the names of the files applied now, in order; empty when all were
 * @throws UnknownMigrationsError for a database that another version made; nothing is changed then
 * @throws MigrationError naming the file at fault
 */
export async function migrate(pool: Pool): Promise<string[]> {
  const lock = await pool.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [advisoryLocks.migrate]);
    const unknown = await unknownMigrations(pool);
    if (unknown.length > 0) throw new UnknownMigrationsError(unknown);
    // First: functions of ours add jobs.
    await prepareJobs(lock);
    await runMigrations({ pgPool: pool });
    const db = createKysely(pool);
    const migrator = new Migrator({ db, provider: { getMigrations: readMigrations }, ...bookkeeping });
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error) {
      const culprit = results.find(({ status }) => status === 'Error');
      const reason = describeError(error);
      throw new MigrationError(
        `Migration ${culprit?.migrationName ?? '(none)'} failed and was rolled back: ${reason}`,
        { cause: error },
      );
    }
    return results.map(({ migrationName }) => migrationName);
  } finally {
    // Ends the session and with it the lock: a lock returned to the pool would outlive this call.
    lock.release(true);
  }
}

/**
 * graphile-worker creates its schema where its first table is missing, for which `if not exists` wants the right to create
 * schemas even where it is there, made by an administrator. Then the table is all that is missing.
 */
async function prepareJobs(client: ClientBase): Promise<void> {
  await client.query(`
    do $$ begin
      if to_regnamespace('graphile_worker') is not null and to_regclass('graphile_worker.migrations') is null then
        create table graphile_worker.migrations (
          id int primary key, ts timestamptz not null default now(), breaking boolean not null default false);
      end if;
    end $$`);
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
  const applied = new Set(await appliedMigrations(pool));
  return Object.keys(await readMigrations()).filter((name) => !applied.has(name));
}

/** The names of migrations that the database has had and this version does not know. */
export async function unknownMigrations(pool: Pool): Promise<string[]> {
  const known = await readMigrations();
  return (await appliedMigrations(pool)).filter((name) => !(name in known));
}

async function appliedMigrations(pool: Pool): Promise<string[]> {
  const { rows: tables } = await pool.query<{ exists: boolean }>(
    `select to_regclass('wechat.schema_migration') is not null as exists`,
  );
  if (!tables[0]?.exists) return [];
  const { rows } = await pool.query<{ name: string }>(
    'select name from wechat.schema_migration order by name',
  );
  return rows.map(({ name }) => name);
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
