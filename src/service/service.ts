import { randomBytes } from 'node:crypto';
import { type AccessTokens, createAccessTokens } from '../accounts/access-token.js';
import { createCredentialStore } from '../accounts/credential-store.js';
import { createJsapi, type Jsapi } from '../accounts/jsapi.js';
import { createMediaUploads } from '../accounts/media-uploads.js';
import { describePause, readPauses } from '../accounts/pauses.js';
import type { AccountConfig, Config } from '../config/settings.js';
import { createKysely } from '../db/kysely.js';
import { migrateDatabase, pendingMigrations } from '../db/migrate.js';
import { persist } from '../db/persist.js';
import { createPool, type Pool } from '../db/pool.js';
import { createCommitGroup } from '../ingress/queue.js';
import { createWebhook } from '../ingress/webhook.js';
import { type HttpServer, serve } from '../lib/serve.js';
import { createWeb } from '../lib/web.js';
import { createDatabaseGauges } from '../observe/database-gauges.js';
import type { Logger } from '../observe/log.js';
import { createMetrics, type Metrics } from '../observe/metrics.js';
import { type ReadinessCheck, workerCheck, writableCheck } from '../observe/readiness.js';
import { readSnapshot } from '../observe/snapshot.js';
import { createArrive } from '../outbox/arrive.js';
import type { Replies } from '../replies/router.js';
import { defaultRetryPolicy, type RetryPolicy } from '../sending/retry-policy.js';
import { createClients, type SendClients } from '../sending/clients.js';
import { createClient } from '../wechat/out/client.js';
import { defaultWorkerOptions, startWorker, type Worker } from '../worker/runner.js';
import { createAdmin } from './admin.js';
import { createJsapiRoute } from './jsapi.js';

export type Role = 'all' | 'ingress' | 'worker';

export interface AppOptions {
  config: Config;
  /** Where the database is; config.databaseUrl, or the embedded one. */
  databaseUrl: string;
  role: Role;
  /** The reply logic of each account. */
  repliesOf(account: AccountConfig): Replies;
  log: Logger;
  /** Ends the wait for a database that is away. */
  giveUp?: AbortSignal;
  /** For tests that cannot wait. */
  retryPolicy?: RetryPolicy;
}

export interface App {
  /** Absent in the role `worker`. */
  readonly webhookPort: number | undefined;
  readonly adminPort: number;
  /** Stops in the order of the flow: no new pushes, then no new work, then the database. */
  stop(): Promise<void>;
}

/** A statement of the ingress must fail in time for another try within WeChat's five seconds. */
const ingressStatementTimeoutMs = 2_000;
/** Longer than the wait for the lock of a token renewal. */
const workerStatementTimeoutMs = 20_000;

/** Migrates the database and starts the roles; the only place that knows all the parts. */
export async function startApp({
  config,
  databaseUrl,
  role,
  repliesOf,
  log,
  giveUp = new AbortController().signal,
  retryPolicy = defaultRetryPolicy,
}: AppOptions): Promise<App> {
  const metrics = createMetrics(config.accounts.map(({ appId }) => appId));
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart();
  };

  function openPool(name: string, max: number, statementTimeoutMs: number, relaxed = false): Pool {
    const onError = (error: Error) =>
      log.warn({ event: 'connection_lost', pool: name, err: error }, 'database connection lost');
    const pool = createPool({
      connectionString: databaseUrl,
      name,
      max,
      statementTimeoutMs,
      relaxed,
      onError,
    });
    stops.push(() => pool.end());
    return pool;
  }

  try {
    const adminPool = openPool('admin', 2, 2_500);
    const checks = databaseChecks(adminPool);
    const { clients, tokens, jsapi } = createWeChat(openPool('credentials', 4, workerStatementTimeoutMs));
    // First of all: while the database is away, health tells why nothing happens.
    const admin = createAdmin({
      metrics,
      refreshMetrics: createDatabaseGauges({ metrics, read: () => readSnapshot(adminPool) }).refresh,
      checks,
      extra: createJsapiRoute({ accounts: config.accounts, jsapi, log }),
    });
    const adminServer = await serve(admin, { host: config.adminHost, port: config.adminPort });
    stops.push(() => adminServer.close());
    await migrateNow(databaseUrl, { log, giveUp });

    if (role !== 'ingress') {
      const pool = openPool('worker', 8, workerStatementTimeoutMs);
      const claimPool = openPool('claims', 10, workerStatementTimeoutMs, true);
      const worker = await startWorkerRole({ pool, claimPool, clients, tokens });
      stops.push(worker.stop);
      checks.worker = workerCheck(adminPool, () => worker.workerId);
    }
    let webhookServer: HttpServer | undefined;
    if (role !== 'worker') {
      const pool = openPool('ingress', 4, ingressStatementTimeoutMs);
      webhookServer = await startIngressRole({ pool, config, log, metrics, checks });
      const { close } = webhookServer;
      stops.push(close);
    }
    log.info(
      {
        event: 'started',
        role,
        webhook_port: webhookServer?.port,
        admin_port: adminServer.port,
        accounts: config.accounts.map(({ appId }) => appId),
      },
      'started',
    );
    return { webhookPort: webhookServer?.port, adminPort: adminServer.port, stop };
  } catch (error) {
    await stop();
    throw error;
  }

  function createWeChat(pool: Pool): { clients: SendClients; tokens: AccessTokens; jsapi: Jsapi } {
    const clients = createClients({
      create: ({ connections }) => createClient({ apiBase: config.apiBase, connections }),
      sendConcurrency: config.sendConcurrency,
    });
    stops.push(() => clients.destroy());
    const store = createCredentialStore(createKysely(pool));
    const tokens = createAccessTokens({
      store,
      fetchToken: (account, options) => clients.tokens.fetchToken(account, options),
      clock,
      onRefresh(appId, result, error) {
        metrics.tokenRefreshes.inc({ account: appId, result });
        if (result === 'ok') log.info({ event: 'token_refreshed', app_id: appId }, 'access token refreshed');
        else
          log.error(
            { event: 'token_refresh_failed', app_id: appId, err: error },
            'access token refresh failed',
          );
      },
    });
    const createNonce = () => randomBytes(8).toString('hex');
    return { clients, tokens, jsapi: createJsapi({ store, client: clients.tokens, tokens, clock, createNonce }) };
  }

  async function startWorkerRole({
    pool,
    claimPool,
    clients,
    tokens,
  }: {
    pool: Pool;
    claimPool: Pool;
    clients: SendClients;
    tokens: AccessTokens;
  }): Promise<Worker> {
    const web = createWeb({ allowPrivateAddresses: config.mediaFromPrivateAddresses });
    const worker = await startWorker(
      {
        pool,
        claimPool,
        connectionString: databaseUrl,
        accounts: config.accounts.map((account) => ({ ...account, replies: repliesOf(account) })),
        clients,
        tokens,
        web,
        uploads: createMediaUploads(createKysely(pool)),
        log,
        metrics,
        clock,
        random: Math.random,
      },
      {
        ...defaultWorkerOptions,
        replyTimeoutMs: config.replyTimeoutMs,
        overflowNotice: config.overflowNotice,
        policy: retryPolicy,
        shutdownGraceMs: config.shutdownGraceMs,
        rescueAfterMs: config.rescueAfterMs,
        replyConcurrency: config.replyConcurrency,
        sendConcurrency: config.sendConcurrency,
        retentionDays: config.retentionDays,
      },
    );
    return {
      get workerId() {
        return worker.workerId;
      },
      async stop() {
        await worker.stop();
        await web.destroy();
      },
    };
  }
}

const clock = () => new Date();

async function startIngressRole({
  pool,
  config,
  log,
  metrics,
  checks,
}: {
  pool: Pool;
  config: Config;
  log: Logger;
  metrics: Metrics;
  checks: Record<string, ReadinessCheck>;
}): Promise<HttpServer> {
  const inbox = createCommitGroup({
    arrive: createArrive(pool),
    maxWaiting: config.inboxQueue,
    onGroup: (size) => metrics.commitGroupSize.observe(size),
    onError: (error) => log.warn({ event: 'store_failed', err: error }, 'storing a group of messages failed'),
  });
  checks.inbox = async () => {
    if (inbox.isFull) return `${inbox.waiting} messages wait for their commit: pushes are refused`;
    return inbox.problem && `messages cannot be stored: ${inbox.problem}`;
  };
  const webhook = createWebhook({
    accounts: config.accounts,
    inbox,
    log,
    metrics,
    clock,
    maxTimestampAgeSeconds: config.maxTimestampAgeSeconds,
  });
  return serve(webhook, { host: config.host, port: config.port, shared: true });
}

/** Waits for a database that is away, as it would later: a process that ends is only started again. */
async function migrateNow(
  databaseUrl: string,
  { log, giveUp }: { log: Logger; giveUp: AbortSignal },
): Promise<void> {
  const onOutage = (error: unknown) =>
    log.warn({ event: 'database_away', err: error }, 'database away: waiting for it');
  const applied = await persist(() => migrateDatabase(databaseUrl, onOutage), { signal: giveUp, onOutage });
  if (applied.length > 0) log.info({ event: 'migrated', applied }, 'database migrated');
}

function databaseChecks(pool: Pool): Record<string, ReadinessCheck> {
  return {
    async database() {
      await pool.query('select 1');
      return undefined;
    },
    writable: writableCheck(pool),
    async accounts() {
      const paused = await readPauses(pool);
      if (paused.length === 0) return undefined;
      return { warning: paused.map((pause) => describePause(pause)).join('; ') };
    },
    async migrations() {
      const pending = await pendingMigrations(pool);
      return pending.length > 0
        ? `not applied: ${pending.join(', ')}; run "wechat-outbox migrate"`
        : undefined;
    },
  };
}
