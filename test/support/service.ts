import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { type AccountConfig, type Config, readConfig } from '../../src/config/settings.js';
import { createLogger } from '../../src/observe/log.js';
import { createDefaultReplies } from '../../src/replies/default-replies.js';
import type { Replies } from '../../src/replies/router.js';
import { type LoadedSource, sourceOf } from '../../src/replies/source.js';
import { defaultRetryPolicy, type RetryPolicy } from '../../src/sending/retry-policy.js';
import type { ConsoleFactory } from '../../src/service/console.js';
import { type App, type Role, startApp } from '../../src/service/service.js';
import {
  type SimulatedAccount,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.js';
import type { AppCredentials } from '../../src/wechat/out/client.js';

export interface TestAccount extends AppCredentials {
  token: string;
}

export function newAccount(): TestAccount {
  return {
    appId: `wx${randomBytes(8).toString('hex')}`,
    appSecret: randomBytes(16).toString('hex'),
    token: 'testtoken',
    accessTokenMode: 'stable',
  };
}

export function startTestSimulator(
  account: SimulatedAccount,
  options: Omit<SimulatorOptions, 'account'> = {},
): Promise<Simulator> {
  return startSimulator({ account, ...options });
}

export interface TestService extends App {
  readonly webhookUrl: string;
  readonly adminUrl: string;
  /** The log's lines so far. */
  readonly logged: readonly Record<string, unknown>[];
}

export interface ServiceOptions {
  account: TestAccount;
  simulator: Simulator;
  databaseUrl: string;
  role?: Role;
  replies?: Replies;
  /** For several accounts. */
  repliesOf?: (account: AccountConfig) => Replies;
  /** Instead of these: what REPLIES would name. */
  sources?: readonly LoadedSource[];
  settings?: Record<string, string>;
  /** Default: none. */
  console?: ConsoleFactory | undefined;
  /** Default: the real schedule, in hundredths. */
  retryPolicy?: RetryPolicy;
}

export function testSettings({
  account,
  simulator,
  databaseUrl,
  settings = {},
}: ServiceOptions): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    PORT: '0',
    HOST: '127.0.0.1',
    ADMIN_PORT: '0',
    WECHAT_APP_ID: account.appId,
    WECHAT_APP_SECRET: account.appSecret,
    WECHAT_TOKEN: account.token,
    WECHAT_API_BASE: simulator.apiBase,
    PUBLIC_URL: 'https://static.example.com',
    ...settings,
  };
}

/** The whole service in this process, on free ports; the simulator pushes to it if it has an ingress. */
export async function startService(options: ServiceOptions): Promise<TestService> {
  const config: Config = readConfig(testSettings(options));
  const logged: Record<string, unknown>[] = [];
  const log = createLogger(
    'debug',
    new Writable({
      write(line, _encoding, done) {
        logged.push(JSON.parse(String(line)));
        done();
      },
    }),
  );
  const replies =
    options.replies ??
    createDefaultReplies({ publicUrl: 'https://static.example.com', accountName: '测试号' });
  const app = await startApp({
    config,
    databaseUrl: options.databaseUrl,
    role: options.role ?? 'all',
    repliesOf: (account) =>
      options.sources ?? [sourceOf('the test', options.repliesOf?.(account) ?? replies)],
    log,
    console: options.console,
    pollIntervalMs: 200,
    retryPolicy: options.retryPolicy ?? { ...defaultRetryPolicy, baseMs: 10, capMs: 6_000 },
  });
  const webhookUrl = `http://127.0.0.1:${app.webhookPort}/wechat/${options.account.appId}`;
  if (app.webhookPort !== undefined) options.simulator.setWebhookUrl(webhookUrl);
  return { ...app, webhookUrl, adminUrl: `http://127.0.0.1:${app.adminPort}`, logged };
}
