import { onTestFinished } from 'vitest';
import type { Simulator } from '../../../src/simulator/index.js';
import { type Command, runCommand } from '../../support/processes.js';
import { newAccount, startTestSimulator, type TestAccount, testSettings } from '../../support/service.js';

export interface Play {
  simulator: Simulator;
  service: Command;
  account: TestAccount;
  adminUrl: string;
  /** One message of each of so many users, all at once; resolves when all are answered, with how long that took, in ms. */
  burst(users: number): Promise<number>;
  ready(): Promise<{ status: number; body: string }>;
  /** Before another is started on the same database: each knows its own account alone. */
  stop(): Promise<void>;
}

export interface PlayOptions {
  databaseUrl: string;
  settings?: Record<string, string>;
}

/** The service as a process of its own on a database, with a simulated WeChat. */
export async function play({ databaseUrl, settings = {} }: PlayOptions): Promise<Play> {
  const account = newAccount();
  const simulator = await startTestSimulator(account);
  onTestFinished(() => simulator.close());
  const service = runCommand(['start'], testSettings({ account, simulator, databaseUrl, settings }));
  const { webhook_port, admin_port } = await service.event('started');
  simulator.setWebhookUrl(`http://127.0.0.1:${webhook_port}/wechat`);
  const adminUrl = `http://127.0.0.1:${admin_port}`;
  let bursts = 0;
  return {
    simulator,
    service,
    account,
    adminUrl,
    async burst(users) {
      bursts += 1;
      const startedAt = performance.now();
      const openids = Array.from({ length: users }, (_, index) => `oUser${bursts}x${index}`);
      await Promise.all(openids.map((openid) => simulator.user(openid).say('hello')));
      try {
        await Promise.all(openids.map((openid) => simulator.waitForDelivered(openid, 1)));
      } catch (error) {
        const log = service.lines.filter((line) => !line.includes('"event":"push"')).slice(-20);
        throw new Error(`${error}; the service said:\n${log.join('\n')}`, { cause: error });
      }
      return performance.now() - startedAt;
    },
    async ready() {
      const response = await fetch(`${adminUrl}/readyz`);
      return { status: response.status, body: await response.text() };
    },
    async stop() {
      service.child.kill('SIGTERM');
      await service.exited;
    },
  };
}

/** Starts the service where it is expected to refuse; resolves with its exit code and what it said. */
export async function refusalOf(databaseUrl: string): Promise<{ code: number | string; words: string }> {
  const account = newAccount();
  const simulator = await startTestSimulator(account);
  onTestFinished(() => simulator.close());
  const service = runCommand(['start'], testSettings({ account, simulator, databaseUrl }));
  return { code: await service.exited, words: service.errors.join('\n') };
}
