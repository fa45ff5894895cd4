import { rm } from 'node:fs/promises';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/db/embedded.js';
import { migrateDatabase } from '../../src/db/migrate.js';
import { templateName } from './database.js';
import { temporaryDirectory } from './temporary-directory.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which tests may create databases, and a migrated database to copy. */
    postgresUrl: string;
  }
}

interface Server {
  url: string;
  description: string;
  stop(): Promise<void>;
}

/** One Postgres for the whole run: DATABASE_URL if set, else a container if a Docker engine answers, else embedded. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = (await given()) ?? (await container()) ?? (await embedded());
  process.stdout.write(`Postgres for the tests: ${server.description}\n`);
  await createTemplate(server.url);
  project.provide('postgresUrl', server.url);
  return async () => {
    await dropDatabases(server.url);
    await server.stop();
  };
}

async function given(): Promise<Server | undefined> {
  const url = process.env.DATABASE_URL;
  if (!url) return undefined;
  return { url, description: `DATABASE_URL, ${await serverVersion(url)}`, stop: async () => undefined };
}

async function container(): Promise<Server | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const image = 'postgres:18-alpine';
  const started = await new PostgreSqlContainer(image)
    .withCommand(['fsync=off', 'autovacuum=off', 'max_connections=400'].flatMap((one) => ['-c', one]))
    .start();
  return {
    url: started.getConnectionUri(),
    description: `testcontainers, ${image}`,
    stop: async () => {
      await started.stop();
    },
  };
}

async function embedded(): Promise<Server> {
  const dataDir = await temporaryDirectory();
  const postgres = await startEmbeddedPostgres({
    dataDir,
    // Autovacuum would go round hundreds of databases that live for seconds.
    settings: { fsync: 'off', full_page_writes: 'off', autovacuum: 'off', max_connections: '400' },
  });
  return {
    url: postgres.url,
    description: `embedded, ${await serverVersion(postgres.url)}`,
    async stop() {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function serverVersion(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ version: string }>(
      `select current_setting('server_version') as version`,
    );
    return `PostgreSQL ${rows[0]?.version}`;
  });
}

async function createTemplate(url: string): Promise<void> {
  await dropDatabases(url);
  await withClient(url, (client) => client.query(`create database ${templateName}`));
  const template = new URL(url);
  template.pathname = templateName;
  await migrateDatabase(template.href, (error) => console.error(error));
}

/** Those of this run, and of one that was killed. */
async function dropDatabases(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select datname as name from pg_database where datname like 'wechat_test_%'`,
    );
    for (const { name } of rows)
      await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
  });
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
