import type { BrowserContext, Page } from 'playwright-core';
import { inject } from 'vitest';
import { consoleOf } from '../../../src/cli/start/console.js';
import type { Role } from '../../../src/console/contract/rights.js';
import { asPerson } from '../../../src/console/server/http/transaction.js';
import { createSessions, sessionLimits } from '../../../src/console/server/sign-in/sessions.js';
import { addUser } from '../../../src/console/server/sign-in/users.js';
import { createPool } from '../../../src/db/pool.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { type Browser, type PageOptions, startBrowser } from '../../support/browser.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import {
  newAccount,
  type ServiceOptions,
  startService,
  startTestSimulator,
  type TestAccount,
  type TestService,
} from '../../support/service.js';

export const password = 'correct horse battery';

export interface House {
  account: TestAccount;
  simulator: Simulator;
  database: TestDatabase;
  /** Of the service that serves the console. */
  service: TestService;
  /** Without a slash at its end. */
  url: string;
  /** What went wrong in any page since it was last asked: errors of scripts, of the console, of the content security policy. */
  problems(): string[];
  addUser(name: string, role: Role, displayName?: string): Promise<void>;
  /** A browser of its own in which nobody is signed in. */
  visitor(place?: string, options?: PageOptions): Promise<Page>;
  /** A browser of its own in which this user is signed in. */
  as(name: string, place: string, options?: PageOptions): Promise<Page>;
  /** Another process of the same service: without a console. */
  startWorker(): Promise<TestService>;
  close(): Promise<void>;
}

/** The whole service with its console and page as it was built, between a simulated WeChat, a database and a browser. */
export async function openHouse(
  options: Partial<Omit<ServiceOptions, 'account' | 'simulator' | 'databaseUrl'>> = {},
): Promise<House> {
  const account = newAccount();
  const database = await createTestDatabase();
  const simulator = await startTestSimulator(account);
  const browser = await startBrowser(inject('chromium'));
  const shared = { account, simulator, databaseUrl: database.url, ...options };
  const service = await startService({
    ...shared,
    console: (parts) => {
      const create = consoleOf(parts.config.console, '1.2.3');
      if (!create) throw new Error('the settings want no console');
      return create(parts);
    },
  });
  const pool = createPool({
    ...{ connectionString: database.url, name: 'test', max: 2, statementTimeoutMs: 5_000 },
    onError: () => undefined,
  });
  const url = `${service.adminUrl}/console`;
  const watch = createWatch();
  return {
    ...{ account, simulator, database, service, url, problems: watch.take },
    async addUser(name, role, displayName = name) {
      const user = { name, displayName, role, password };
      await asPerson(pool, 'test', (client) => addUser(client, user));
    },
    visitor: (place = '', page = {}) => openPage(browser, `${url}/${place}`, watch, page),
    async as(name, place, page = {}) {
      const session = { name, via: 'password', address: '127.0.0.1' } as const;
      const value = await createSessions(pool, sessionLimits).begin(session);
      return openPage(browser, `${url}/#/${place}`, watch, {
        ...page,
        prepare: (context) =>
          context.addCookies([{ name: 'wechat_console', value, url: `${url}/api/`, httpOnly: true }]),
      });
    },
    startWorker: () => startService({ ...shared, role: 'worker' }),
    async close() {
      await browser.close();
      await service.stop();
      await simulator.close();
      await pool.end();
      await database.drop();
    },
  };
}

interface Watch {
  over(context: BrowserContext): void;
  take(): string[];
}

function createWatch(): Watch {
  const seen: string[] = [];
  return {
    over(context) {
      const watched = (page: Page) => {
        page.on('pageerror', (error) => seen.push(String(error)));
        page.on('console', (line) => {
          if (line.type() === 'error' || line.type() === 'warning')
            seen.push(`${line.text()} ${line.location().url}`);
        });
      };
      context.pages().forEach(watched);
      context.on('page', watched);
    },
    take: () => seen.splice(0),
  };
}

const openPage = (browser: Browser, url: string, watch: Watch, options: PageOptions): Promise<Page> =>
  browser.open(url, {
    language: 'en',
    ...options,
    async prepare(context) {
      watch.over(context);
      await options.prepare?.(context);
    },
  });

export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

export const field = (page: Page, name: string) => page.getByRole('textbox', { name, exact: true });
