import { setTimeout as sleep } from 'node:timers/promises';
import { runMigrations } from 'graphile-worker';
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { ClientBase } from 'pg';
import { describeError } from '../lib/describe-error.js';
import { classifyDatabaseError, type DatabaseFailure } from './errors.js';
import { createKysely } from './kysely.js';
import { advisoryLocks } from './locks.js';
import {
  knownMigrations,
  migrationsDirectory,
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

export interface MigrateOptions {
  /** Default: the files of this version. */
  directory?: string;
  /** Told of each try that found a table locked by somebody who does not let go of it. */
  onLocked?(error: unknown): void;
  /** How long such tries are repeated. Default: ten minutes. */
  patienceMs?: number;
}

/** Below the time in which a push must be stored: whoever waits behind a migration's lock waits no longer than for this. */
const lockTimeoutMs = 1_000;
const betweenTriesMs = 2_000;

/**
 * Brings the schemas `wechat` and `graphile_worker` up to date. What a newer version has made of them stays as it is: while
 * processes are replaced one by one, those of the version before may have to start again.
 *
 * A long query (a dump, an analyst's) may keep a table that is to be altered. Whoever comes behind a statement that waits for
 * its lock waits too, pushes as well: so it waits for a second, lets them by, and tries again.
 *
 * @throws UnknownMigrationsError for a database with which this version cannot work; nothing is changed then
 * @throws MigrationError naming the file at fault
 * @throws the error of an outage as it is (`isOutage`); nothing is half done then, and it may be called again
 */
export async function migrate(pool: Pool, options: MigrateOptions = {}): Promise<Migrated> {
  const { directory = migrationsDirectory } = options;
  const lock = await pool.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [advisoryLocks.migrate]);
    const hashes = await readMigrationHashes(directory);
    const state = await readMigrationState(pool, hashes);
    if (state.kind === 'foreign') throw new UnknownMigrationsError(state.names, state.reasons);
    // First: functions of ours add jobs.
    await prepareJobs(lock);
    await runMigrations({ pgPool: pool });
    if (state.kind === 'newer') return { applied: [], newer: state.names };
    // The migrator looks at every column of the database, several times.
    const applied = state.kind === 'current' ? [] : await applyAll(pool, options);
    await recordTexts(pool, hashes);
    return { applied, newer: [] };
  } finally {
    // Ends the session and with it the lock: a lock returned to the pool would outlive this call.
    lock.release(true);
  }
}

/** @returns the names of those that were pending */
async function applyAll(
  pool: Pool,
  { directory = migrationsDirectory, onLocked, patienceMs = 600_000 }: MigrateOptions,
): Promise<string[]> {
  const provider = { getMigrations: () => readMigrations(directory) };
  const migrator = new Migrator({ db: createKysely(pool), provider, ...bookkeeping });
  for (const giveUpAt = performance.now() + patienceMs; ; await sleep(betweenTriesMs)) {
    const { error, results = [] } = await migrator.migrateToLatest();
    if (!error) return results.map(({ migrationName }) => migrationName);
    const failure = classifyDatabaseError(error);
    // The migration is not at fault, and Postgres has rolled it back: whoever waits for the database begins again.
    if (outages.has(failure)) throw error;
    const isLocked = failure === 'locked';
    if (isLocked && performance.now() < giveUpAt) {
      onLocked?.(error);
      continue;
    }
    const culprit = results.find(({ status }) => status === 'Error');
    const reason = isLocked ? `${describeError(error)}; ${whoLocks}` : describeError(error);
    throw new MigrationError(
      `Migration ${culprit?.migrationName ?? '(none)'} failed and was rolled back: ${reason}`,
      { cause: error },
    );
  }
}

const outages: ReadonlySet<DatabaseFailure> = new Set([
  'away',
  'refused_connection',
  'refused_login',
  'conflict',
]);

const whoLocks = 'the oldest transactions of pg_stat_activity (xact_start) are what to look at';

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
  options: MigrateOptions = {},
): Promise<Migrated> {
  const pool = createPool({ connectionString, name: 'migrate', max: 2, statementTimeoutMs: 0, onError });
  try {
    return await migrate(pool, options);
  } finally {
    await pool.end();
  }
}

async function readMigrations(directory: string): Promise<Record<string, Migration>> {
  const migrations: Record<string, Migration> = {};
  for (const name of await knownMigrations(directory)) {
    const text = await readMigration(name, directory);
    migrations[name] = {
      async up(db) {
        await sql`select set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`.execute(db);
        await sql.raw(text).execute(db);
      },
    };
  }
  return migrations;
}
