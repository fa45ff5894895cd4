import { rm } from 'node:fs/promises';
import { onTestFinished } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.js';
import { temporaryDirectory } from './temporary-directory.js';

/** A server for one test alone, which may stop and crash it. fsync is on, as in earnest. */
export async function startOwnPostgres(): Promise<EmbeddedPostgres> {
  const dataDir = await temporaryDirectory();
  const postgres = await startEmbeddedPostgres({ dataDir });
  onTestFinished(async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  return postgres;
}
