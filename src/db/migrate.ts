import { runMigrations } from 'graphile-worker';
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { ClientBase } from 'pg';
import { describeError } from '../lib/describe-error.js';
import { createKysely } from './kysely.js';
import { advisoryLocks } from './locks.js';
import {
  knownMigrations,
  readMigration,
  readMigrationHashes,
  readMigrationState,
  recordTexts,
} from './migration-state.js';
import { createPool, type Pool } from './pool.js';

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

/** Another version, newer or never released, made this database, and this one cannot work with it. */
export class UnknownMigrationsError extends MigrationError {
  override readonly code = 'UNKNOWN_MIGRATIONS';

  constructor(names: readonly string[], reasons: readonly string[]) {
    const why = reasons.length > 0 ? ` This version cannot work with it: ${reasons.join('; ')}.` : '';
    super(
      `Another version of wechat-outbox made this database: it has had migrations that are not those of this version (${names.join(', ')}).${why} Nothing was changed. If a newer version made it, run that one. If a state from before the first release did, there is no way over: use an empty database, or drop the schemas "wechat" and "graphile_worker" if you do not need what is in them.`,
    );
    this.name = 'UnknownMigrationsError';
  }
}

export interface Migrated {
  /** The names of the files applied now, in order; empty when all were. */
  applied: string[];
  /** The names of those that a newer version applied, beside which this one goes on. */
  newer: string[];
}

/**
 * Brings the schemas `wechat` and `graphile_worker` up to date. What a newer version has made of them stays as it is: while
 * processes are replaced one by one, those of the version before may have to start again.
 *
 * @throws UnknownMigrationsError for a database with which this version cannot work; nothing is changed then
 * @throws MigrationError naming the file at fault
 */
export async function migrate(pool: Pool): Promise<Migrated> {
  const lock = await pool.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [advisoryLocks.migrate]);
    const hashes = await readMigrationHashes();
    const state = await readMigrationState(pool, hashes);
    if (state.kind === 'foreign') throw new UnknownMigrationsError(state.names, state.reasons);
    // First: functions of ours add jobs.
    await prepareJobs(lock);
    await runMigrations({ pgPool: pool });
    if (state.kind === 'newer') return { applied: [], newer: state.names };
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
    await recordTexts(pool, hashes);
    return { applied: results.map(({ migrationName }) => migrationName), newer: [] };
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
): Promise<Migrated> {
  const pool = createPool({ connectionString, name: 'migrate', max: 2, statementTimeoutMs: 0, onError });
  try {
    return await migrate(pool);
  } finally {
    await pool.end();
  }
}

async function readMigrations(): Promise<Record<string, Migration>> {
  const migrations: Record<string, Migration> = {};
  for (const name of await knownMigrations()) {
    const text = await readMigration(name);
    migrations[name] = {
      async up(db) {
        await sql.raw(text).execute(db);
      },
    };
  }
  return migrations;
}
