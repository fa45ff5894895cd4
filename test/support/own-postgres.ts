import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.js';
import type { Simulator, SimulatorOptions } from '../../src/simulator/index.js';
import { newAccount, startService, startTestSimulator, type TestService } from './service.js';
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

export interface OwnStage {
  postgres: EmbeddedPostgres;
  simulator: Simulator;
  service: TestService;
}

/** The whole service on a server of its own. */
export async function setOwnStage(options: Omit<SimulatorOptions, 'account'> = {}): Promise<OwnStage> {
  const account = newAccount();
  const postgres = await startOwnPostgres();
  const simulator = await startTestSimulator(account, options);
  onTestFinished(() => simulator.close());
  const service = await startService({ account, simulator, databaseUrl: postgres.url });
  onTestFinished(() => service.stop());
  // The pools are warm, as they are when a database goes away in earnest.
  await simulator.user('oWarm').say('warm up');
  await simulator.waitForDelivered('oWarm', 1);
  return { postgres, simulator, service };
}

export async function query<T extends pg.QueryResultRow>({ postgres }: OwnStage, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

/** A crash of Postgres, and its return after this long. */
export async function crashFor({ postgres }: OwnStage, ms: number): Promise<{ back: Promise<void> }> {
  await postgres.stop('immediate');
  return { back: sleep(ms).then(() => postgres.start()) };
}
