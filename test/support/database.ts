import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export const templateName = 'wechat_test_template';

export interface TestDatabase {
  url: string;
  /** Connections of the test's own: what it sees is committed. */
  pool: pg.Pool;
  /** The rows of a query, typed by the caller. */
  rows<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  drop(): Promise<void>;
}

/** A migrated database for one test file, so that files run side by side. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `wechat_test_${randomBytes(6).toString('hex')}`;
  await createFromTemplate(server, name);
  const url = new URL(server);
  url.pathname = name;
  const pool = new pg.Pool({ connectionString: url.href, max: 5 });
  pool.on('error', () => undefined);
  return {
    url: url.href,
    pool,
    async rows<T extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      return (await pool.query<T>(text, values)).rows;
    },
    async drop() {
      await pool.end();
      await withAdmin(server, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/**
 * Postgres copies a template for one at a time; the advisory lock makes the others wait instead of fail. By its files: to write it
 * into the WAL takes twice the time, and hundreds are made.
 */
function createFromTemplate(server: string, name: string): Promise<void> {
  return withAdmin(server, async (client) => {
    await client.query('select pg_advisory_lock(42)');
    await client.query(`create database ${name} template ${templateName} strategy file_copy`);
  });
}

async function withAdmin(server: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
