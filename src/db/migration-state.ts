import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pool } from './pool.js';

export const migrationsDirectory = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** How the migrations of this version and those of a database stand to each other. */
export type MigrationState =
  | { kind: 'current' }
  | { kind: 'pending'; names: string[] }
  /** A newer version has added some, none of which keeps this version from its work. */
  | { kind: 'newer'; names: string[] }
  /** Another version has added some with which this one cannot work. */
  | { kind: 'foreign'; names: string[]; reasons: string[] };

/**
 * A newer version has had all migrations that this one knows, and more. Those with which the version before it cannot work
 * say so in `wechat.schema_migration_breaking`; a database without that table is of no released version.
 */
export async function readMigrationState(pool: Pool): Promise<MigrationState> {
  const known = await knownMigrations();
  const applied = await appliedMigrations(pool);
  const unknown = applied.filter((name) => !known.includes(name));
  const pending = known.filter((name) => !applied.includes(name));
  if (unknown.length === 0)
    return pending.length === 0 ? { kind: 'current' } : { kind: 'pending', names: pending };
  const reasons = await breakingReasons(pool, unknown);
  return pending.length === 0 && reasons?.length === 0
    ? { kind: 'newer', names: unknown }
    : { kind: 'foreign', names: unknown, reasons: reasons ?? [] };
}

/** The names of this version's migrations, in their order. */
export async function knownMigrations(): Promise<string[]> {
  const files = (await readdir(migrationsDirectory)).filter((file) => file.endsWith('.sql'));
  return files.map((file) => path.basename(file, '.sql')).sort();
}

async function appliedMigrations(pool: Pool): Promise<string[]> {
  if (!(await exists(pool, 'wechat.schema_migration'))) return [];
  const { rows } = await pool.query<{ name: string }>(
    'select name from wechat.schema_migration order by name',
  );
  return rows.map(({ name }) => name);
}

/** Undefined where no migration could have told. */
async function breakingReasons(pool: Pool, names: readonly string[]): Promise<string[] | undefined> {
  if (!(await exists(pool, 'wechat.schema_migration_breaking'))) return undefined;
  const { rows } = await pool.query<{ name: string; reason: string }>(
    'select name, reason from wechat.schema_migration_breaking where name = any($1::text[]) order by name',
    [names],
  );
  return rows.map(({ name, reason }) => `${name}: ${reason}`);
}

async function exists(pool: Pool, table: string): Promise<boolean> {
  const { rows } = await pool.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    table,
  ]);
  return rows[0]?.exists ?? false;
}
