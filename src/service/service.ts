import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createJsapi } from '../accounts/jsapi.js';
import { type AccountConfig, apiOptions, type Config } from '../config/settings.js';
import { mayPass } from '../db/errors.js';
import { migrateDatabase } from '../db/migrate.js';
import { persist } from '../db/persist.js';
import type { Pool } from '../db/pool.js';
import { checkSuitability } from '../db/suitability.js';
import { noteTimeline } from '../db/timeline.js';
import { type HttpServer, serve } from '../lib/serve.js';
import { createDatabaseGauges } from '../observe/database-gauges.js';
import type { Logger } from '../observe/log.js';
import { logTimeline } from '../observe/log-timeline.js';
import { countRefused, createMetrics, type Metrics } from '../observe/metrics.js';
import { lookAt, type ReadinessCheck } from '../observe/readiness.js';
import { createReadySign } from '../observe/ready-sign.js';
import { readSnapshot } from '../observe/snapshot.js';
import { createTracing } from '../observe/tracing.js';
import type { LoadedSource } from '../replies/source.js';
import { loadWords } from '../replies/words/words.js';
import { createClients, type SendClients } from '../sending/clients.js';
import { defaultRetryPolicy, type RetryPolicy } from '../sending/retry-policy.js';
import { createClient } from '../wechat/out/client.js';
import { createAdmin } from './admin.js';
import { type ConsoleFactory, openConsolePool, type ServedConsole } from './console.js';
import { createTokens } from './credentials.js';
import { createChecks, type Parts } from './health.js';
import { startIngressRole } from './ingress.js';
import { createJsapiRoute } from './jsapi.js';
import { createPools, type Pools, type Role } from './pools.js';
import { startWorkerRole } from './worker.js';

export type { Role } from './pools.js';

export interface AppOptions {
  config: Config;
  /** Where the database is; config.databaseUrl, or the embedded one. */
  databaseUrl: string;
  role: Role;
  /** The reply logic of each account. */
  repliesOf(account: AccountConfig): readonly LoadedSource[];
  log: Logger;
  /** The console in the browser; default: there is none. */
  console?: ConsoleFactory | undefined;
  /** Ends the wait for a database that is away. */
  giveUp?: AbortSignal;
  /** For tests that cannot wait, as the next. */
  retryPolicy?: RetryPolicy;
  pollIntervalMs?: number;
}

export interface App {
  /** Absent in the role `worker`. */
  readonly webhookPort: number | undefined;
  readonly adminPort: number;
  /** Stops in the order of the flow: no new pushes, then no new work, then the database; health tells to the last. */
  stop(): Promise<void>;
}

const clock = () => new Date();

/**
 * Migrates the database and starts the roles; the only place that knows all the parts.
 *
 * @throws ConfigError when there are too few connections for the role; UnsuitableDatabaseError; WordsFileError
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, databaseUrl, role, log } = options;
  const { giveUp = new AbortController().signal, retryPolicy = defaultRetryPolicy } = options;
  const words =
    config.wordsFile === undefined || role === 'ingress' ? undefined : await loadWords(config.wordsFile);
  const metrics = createMetrics(config.accounts.map(({ appId }) => appId));
  const tracing = createTracing();
  const parts: Parts = { worker: undefined, inbox: undefined, webhookPort: undefined, isStopping: false };
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    parts.isStopping = true;
    for (const stopPart of stops.splice(0).reverse()) await stopPart();
  };
  try {
    const connections = config.databaseConnections;
    const pools = createPools({ connectionString: databaseUrl, role, connections, log });
    stops.push(pools.end);
    const clients = createClients({
      create: ({ connections }) => createClient({ ...apiOptions(config), connections }),
      sendConcurrency: config.sendConcurrency,
    });
    stops.push(clients.destroy);
    // First of all: while the database is away, health tells why nothing happens.
    const checks = createChecks({ role, adminPool: pools.open('admin'), pools, parts });
    const admin = await serveAdmin({ options, pools, clients, metrics, checks });
    stops.push(admin.close);
    // Before it, or what stays open at the console would keep the port open.
    if (admin.console) stops.push(admin.console.stop);
    await migrateNow(databaseUrl, { pool: pools.open('admin'), log, giveUp });
    if (role !== 'ingress') {
      const shared = { pools, config, databaseUrl, clients, log, metrics, tracing, clock };
      const worker = await startWorkerRole({
        ...shared,
        repliesOf: options.repliesOf,
        words,
        retryPolicy,
        pollIntervalMs: options.pollIntervalMs,
        starting: giveUp,
      });
      stops.push(worker.stop);
      parts.worker = worker;
      await Promise.race([worker.looked, sleep(longestLookMs, undefined, { ref: false, signal: giveUp })]);
    }
    if (role !== 'worker') {
      const { inbox, server } = await startIngressRole({
        ...{ pools, config, log, metrics, tracing, clock },
        isReady: createReadySign({
          look: async () => (await lookAt(checks)).ready,
          isStopping: () => parts.isStopping,
          now: () => performance.now(),
        }),
      });
      stops.push(server.close);
      parts.inbox = inbox;
      parts.webhookPort = server.port;
    }
    await admin.console?.started(admin.port);
    logStart(options, { adminPort: admin.port, webhookPort: parts.webhookPort });
    return { webhookPort: parts.webhookPort, adminPort: admin.port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** After this the process is started all the same: /readyz tells when the worker has looked. */
const longestLookMs = 10_000;

async function serveAdmin({
  options: { config, log, console: createConsole },
  pools,
  clients,
  metrics,
  checks,
}: {
  options: AppOptions;
  pools: Pools;
  clients: SendClients;
  metrics: Metrics;
  checks: Readonly<Record<string, ReadinessCheck>>;
}): Promise<HttpServer & { console: ServedConsole | undefined }> {
  const adminPool = pools.open('admin');
  const { store, tokens } = createTokens({ pool: adminPool, client: clients.tokens, log, metrics, clock });
  const createNonce = () => randomBytes(8).toString('hex');
  const jsapi = createJsapi({ store, client: clients.tokens, tokens, clock, createNonce });
  const console = createConsole?.({
    ...{ config, clients, tokens, log, clock },
    pool: openConsolePool(pools),
    refusedPushes: (appId) => countRefused(metrics, appId),
  });
  const admin = createAdmin({
    metrics,
    refreshMetrics: createDatabaseGauges({ metrics, read: () => readSnapshot(adminPool) }).refresh,
    checks,
    extra: createJsapiRoute({ accounts: config.accounts, jsapi, log }),
    console: console?.middleware,
  });
  const server = await serve(admin, {
    ...{ host: config.adminHost, port: config.adminPort, setting: 'ADMIN_PORT' },
    // With the one that it is to replace, where a cluster is reloaded. Any free port is its own.
    shared: config.adminPort !== 0,
  });
  return { ...server, console };
}

function logStart(
  { config, role, log }: AppOptions,
  { webhookPort, adminPort }: Pick<App, 'webhookPort' | 'adminPort'>,
): void {
  log.info(
    {
      event: 'started',
      role,
      webhook_port: webhookPort,
      admin_port: adminPort,
      accounts: config.accounts.map(({ appId }) => appId),
    },
    'started',
  );
}

/**
 * Waits for a database that is away, as it would later: a process that ends is only started again. One that does not let us in is
 * not waited for: started again, the process may have another password.
 */
async function migrateNow(
  databaseUrl: string,
  { pool, log, giveUp }: { pool: Pool; log: Logger; giveUp: AbortSignal },
): Promise<void> {
  const onOutage = (error: unknown) =>
    log.warn({ event: 'database_away', err: error }, 'database away: waiting for it');
  const durably = <T>(run: () => Promise<T>) =>
    persist(run, { signal: giveUp, onOutage, isWaitedFor: mayPass });
  await durably(() => checkSuitability(databaseUrl, onOutage));
  const onLocked = (error: unknown) =>
    log.warn(
      { event: 'migration_waits', err: error },
      'a table to be altered is in use: the migration waits',
    );
  const { applied, newer } = await durably(() => migrateDatabase(databaseUrl, onOutage, { onLocked }));
  if (applied.length > 0) log.info({ event: 'migrated', applied }, 'database migrated');
  if (newer.length > 0)
    log.warn(
      { event: 'newer_database', migrations: newer },
      'a newer version has migrated this database: this one works beside it, for the time of an upgrade',
    );
  logTimeline(log, await durably(() => noteTimeline(pool)));
}
