import { rm } from 'node:fs/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/db/embedded.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

async function ask(url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('the embedded PostgreSQL keeps its data over a stop, and is joined where it runs already', async () => {
  const dataDir = await temporaryDirectory();
  const first = await startEmbeddedPostgres({ dataDir });
  onTestFinished(async () => {
    await first.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  await ask(first.url, `create table kept as select 42 as answer`);

  const joined = await startEmbeddedPostgres({ dataDir });
  expect(joined.url).toBe(first.url);
  await first.stop('immediate');
  await expect(ask(first.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);

  const again = await startEmbeddedPostgres({ dataDir });
  expect(await ask(again.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await again.stop();
});

test('it leaves no hooks behind that end the process', async () => {
  const before = process.listenerCount('SIGTERM') + process.listenerCount('beforeExit');
  const dataDir = await temporaryDirectory();
  const postgres = await startEmbeddedPostgres({ dataDir });
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
  expect(process.listenerCount('SIGTERM') + process.listenerCount('beforeExit')).toBe(before);
});
