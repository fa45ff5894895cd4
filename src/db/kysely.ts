import { Kysely, PostgresDialect } from 'kysely';
import type { Pool } from './pool.js';
import type { DB } from './schema.js';

export type Database = Kysely<DB>;

/** Everyday queries, typed by the schema. The pool stays the caller's to end. */
export function createKysely(pool: Pool): Database {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}
