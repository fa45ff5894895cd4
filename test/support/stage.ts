import { onTestFinished } from 'vitest';
import type { SimulatedAccount, Simulator, SimulatorOptions } from '../../src/simulator/index.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import {
  newAccount,
  type ServiceOptions,
  startService,
  startTestSimulator,
  type TestAccount,
  type TestService,
} from './service.js';
import { waitFor } from './wait.js';

/** All that an end-to-end test needs; taken down when the test ends. */
export interface Stage {
  account: TestAccount;
  simulator: Simulator;
  database: TestDatabase;
  /** Starts the service, once or several times. */
  start(options?: Partial<Omit<ServiceOptions, 'account' | 'simulator'>>): Promise<TestService>;
}

export async function setStage(
  simulatorOptions: Omit<SimulatorOptions, 'account'> = {},
  accountDetails: Partial<SimulatedAccount> = {},
): Promise<Stage> {
  const account = newAccount();
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const simulator = await startTestSimulator({ ...account, ...accountDetails }, simulatorOptions);
  onTestFinished(() => simulator.close());
  return {
    account,
    simulator,
    database,
    async start(options = {}) {
      const service = await startService({ account, simulator, databaseUrl: database.url, ...options });
      onTestFinished(() => service.stop());
      return service;
    },
  };
}

/** Resolves when exactly `count` messages are stored and all of them are settled. */
export function settled(database: TestDatabase, count: number): Promise<true> {
  return waitFor(`${count} settled messages`, async () => {
    const [row] = await database.rows<{ all: number; settled: number }>(
      `select count(*)::int as all, count(*) filter (where status = 'settled')::int as settled from wechat.inbound_message`,
    );
    return row?.all === count && row.settled === count;
  });
}
