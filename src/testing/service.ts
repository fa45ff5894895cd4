import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../config/settings.js';
import { createPool, type Pool } from '../db/pool.js';
import { createLogger } from '../observe/log.js';
import type { BeforeSend, Replies, ReplyRouter } from '../replies/router.js';
import { type LoadedSource, sourceOf } from '../replies/source.js';
import { defaultRetryPolicy } from '../sending/retry-policy.js';
import { loadAll } from '../service/load-sources.js';
import { startApp } from '../service/service.js';
import { startPostgres } from './postgres.js';
import type { WaitOptions } from './user.js';
import type { TestWeChat } from './wechat.js';

export interface TestServiceOptions {
  wechat: TestWeChat;
  /** What is to be tested: a router, or a function. Without it: what the setting REPLIES names. */
  replies?: Replies | Pick<ReplyRouter, 'answer'>;
  /** Sees each reply of `replies` before it is stored. */
  beforeSend?: BeforeSend;
  /** Where its database is; it is migrated, and never emptied; one service at a time. Default: a PostgreSQL of its own, which ends with the service. */
  databaseUrl?: string;
  /** As environment variables have them. Those of the process do not count. */
  settings?: Readonly<Record<string, string>>;
  /** Pauses between attempts as in earnest; default: a hundredth of them. */
  realPauses?: boolean;
}

/** The whole service, as `wechat-outbox start` has it, in this process and on free ports of the loopback. */
export interface TestService {
  readonly webhookUrl: string;
  /** Of `/healthz`, `/readyz` and `/metrics`. */
  readonly adminUrl: string;
  readonly databaseUrl: string;
  /**
   * Resolves once every message of the account is through: answered, or given up. Then no reply is still to come.
   *
   * @throws Error that says how many are not, when the time is up
   */
  waitUntilSettled(options?: WaitOptions): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the service with a simulated WeChat, which pushes to it from then on. Its log is silent but for errors: LOG_LEVEL among the
 * settings changes that.
 *
 * @throws ConfigError for settings that are wrong; an error that says so, for replies that cannot be loaded
 */
export async function startService(options: TestServiceOptions): Promise<TestService> {
  const { wechat, realPauses = false } = options;
  const environment = settingsOf(options);
  const config = readConfig(environment);
  const repliesOf = await sourcesOf(options, () => loadAll(config, environment));
  const own = options.databaseUrl === undefined ? await startPostgres() : undefined;
  const databaseUrl = options.databaseUrl ?? own?.url ?? '';
  try {
    const app = await startApp({
      ...{ config, databaseUrl, repliesOf },
      role: 'all',
      log: createLogger(config.logLevel),
      ...(realPauses ? {} : { retryPolicy: quick, pollIntervalMs: 200 }),
    });
    const webhookUrl = `http://127.0.0.1:${app.webhookPort}/wechat/${wechat.appId}`;
    wechat.connect(webhookUrl);
    const pool = createPool({
      ...{ connectionString: databaseUrl, name: 'test', max: 1, statementTimeoutMs: 10_000 },
      onError: () => undefined,
    });
    return {
      ...{ webhookUrl, adminUrl: `http://127.0.0.1:${app.adminPort}`, databaseUrl },
      waitUntilSettled: ({ timeoutMs = 20_000 } = {}) => untilSettled(pool, wechat.appId, timeoutMs),
      async stop() {
        await pool.end();
        await app.stop();
        await own?.stop();
      },
    };
  } catch (error) {
    await own?.stop();
    throw error;
  }
}

const quick = {
  ...defaultRetryPolicy,
  baseMs: defaultRetryPolicy.baseMs / 100,
  capMs: defaultRetryPolicy.capMs / 100,
};

function settingsOf({ wechat, settings }: TestServiceOptions): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_PORT: '0',
    CONSOLE_PATH: 'off',
    LOG_LEVEL: 'error',
    PUBLIC_URL: 'https://www.example.com',
    ...wechat.settings,
    ...settings,
  };
}

async function sourcesOf<Sources>(
  { replies, beforeSend }: TestServiceOptions,
  load: () => Promise<Sources>,
): Promise<Sources | (() => readonly LoadedSource[])> {
  if (replies === undefined) return load();
  const answer: Replies = typeof replies === 'function' ? replies : (context) => replies.answer(context);
  return () => [sourceOf('the test', answer, beforeSend)];
}

async function untilSettled(pool: Pool, appId: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { rows } = await pool.query<{ open: string }>(
      `select count(*) as open from wechat.inbound_message where app_id = $1 and status = 'received'`,
      [appId],
    );
    const open = Number(rows[0]?.open);
    if (open === 0) return;
    if (Date.now() > deadline)
      throw new Error(`After ${timeoutMs} ms ${open} messages of ${appId} are not settled`);
    await sleep(20);
  }
}
