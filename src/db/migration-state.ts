import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pool } from './pool.js';

export const migrationsDirectory = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** SHA-256 of the text of each migration of this version, in hex, by name and in their order. */
export type MigrationHashes = ReadonlyMap<string, string>;

/** How the migrations of this version and those of a database stand to each other. */
export type MigrationState =
  | { kind: 'current' }
  | { kind: 'pending'; names: string[] }
  /** A newer version has added some, none of which keeps this version from its work. */
  | { kind: 'newer'; names: string[] }
  /** Another version has added some with which this one cannot work. */
  | { kind: 'foreign'; names: string[]; reasons: string[] };

/**
 * A newer version has had all migrations that this one knows, and more. Those with which versions that do not know them cannot
 * work say so in `wechat.schema_migration_breaking`, and which version works all the same, by the migration that it has to know;
 * a database without that table is of no released version.
 */
export async function readMigrationState(pool: Pool, hashes: MigrationHashes): Promise<MigrationState> {
  const known = [...hashes.keys()];
  const applied = await appliedMigrations(pool);
  const edited = await editedMigrations(pool, applied, hashes);
  if (edited.length > 0)
    return { kind: 'foreign', names: edited, reasons: ['what they did was another thing then'] };
  const unknown = applied.filter((name) => !known.includes(name));
  const pending = known.filter((name) => !applied.includes(name));
  if (unknown.length === 0)
    return pending.length === 0 ? { kind: 'current' } : { kind: 'pending', names: pending };
  const reasons = await breakingReasons(pool, unknown, known);
  return pending.length === 0 && reasons?.length === 0
    ? { kind: 'newer', names: unknown }
    : { kind: 'foreign', names: unknown, reasons: reasons ?? [] };
}

/** The names of this version's migrations, in their order. */
export async function knownMigrations(directory: string = migrationsDirectory): Promise<string[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql'));
  return files.map((file) => path.basename(file, '.sql')).sort();
}

/** To be read once: the files stay what they are as long as a process runs. */
export async function readMigrationHashes(directory: string = migrationsDirectory): Promise<MigrationHashes> {
  const hashOf = async (name: string): Promise<[string, string]> => {
    const text = await readMigration(name, directory);
    return [name, createHash('sha256').update(text).digest('hex')];
  };
  return new Map(await Promise.all((await knownMigrations(directory)).map(hashOf)));
}

export function readMigration(name: string, directory: string = migrationsDirectory): Promise<string> {
  return readFile(path.join(directory, `${name}.sql`), 'utf8');
}

/** Those of this version that had another text when they were applied: a released one never changes. */
async function editedMigrations(
  pool: Pool,
  applied: readonly string[],
  hashes: MigrationHashes,
): Promise<string[]> {
  const names = applied.filter((name) => hashes.has(name));
  if (names.length === 0) return [];
  if (!(await exists(pool, 'wechat.schema_migration_text'))) return [...names];
  const { rows } = await pool.query<{ name: string; sha256: string }>(
    'select name, sha256 from wechat.schema_migration_text order by name',
  );
  return rows.flatMap(({ name, sha256 }) =>
    names.includes(name) && sha256 !== hashes.get(name) ? [name] : [],
  );
}

/** Keeps what the migrations were that have been applied. */
export async function recordTexts(pool: Pool, hashes: MigrationHashes): Promise<void> {
  await pool.query(
    `insert into wechat.schema_migration_text (name, sha256)
     select * from unnest($1::text[], $2::text[]) as known (name, sha256)
     where name in (select name from wechat.schema_migration)
     on conflict do nothing`,
    [[...hashes.keys()], [...hashes.values()]],
  );
}

async function appliedMigrations(pool: Pool): Promise<string[]> {
  if (!(await exists(pool, 'wechat.schema_migration'))) return [];
  const { rows } = await pool.query<{ name: string }>(
    'select name from wechat.schema_migration order by name',
  );
  return rows.map(({ name }) => name);
}

/** Undefined where no migration could have told. */
async function breakingReasons(
  pool: Pool,
  names: readonly string[],
  known: readonly string[],
): Promise<string[] | undefined> {
  if (!(await exists(pool, 'wechat.schema_migration_breaking'))) return undefined;
  const { rows } = await pool.query<{ name: string; reason: string }>(
    // As JSON: a database that lacks the column is refused for what it lacks, not for the column.
    `select name, reason from wechat.schema_migration_breaking breaking
     where name = any($1::text[]) and coalesce(to_jsonb(breaking) ->> 'needs' <> all($2::text[]), true) order by name`,
    [names, known],
  );
  return rows.map(({ name, reason }) => `${name}: ${reason}`);
}

async function exists(pool: Pool, table: string): Promise<boolean> {
  const { rows } = await pool.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    table,
  ]);
  return rows[0]?.exists ?? false;
}
