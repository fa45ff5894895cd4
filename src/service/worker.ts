import { createMediaUploads } from '../accounts/media-uploads.js';
import { createWeChatCall } from '../accounts/wechat-call.js';
import type { AccountConfig, Config } from '../config/settings.js';
import { createKysely } from '../db/kysely.js';
import { persist } from '../db/persist.js';
import { createWeb } from '../lib/web.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Tracing } from '../observe/tracing.js';
import { createContextServices } from '../replies/context/services.js';
import type { LoadedSource } from '../replies/source.js';
import type { Words } from '../replies/words/words.js';
import type { SendClients } from '../sending/clients.js';
import type { RetryPolicy } from '../sending/retry-policy.js';
import { defaultWorkerOptions, type WorkerDependencies, type WorkerOptions } from '../worker/options.js';
import { startWorker, type Worker } from '../worker/runner.js';
import { createTokens } from './credentials.js';
import type { Pools } from './pools.js';
import { openSources } from './sources.js';

export interface WorkerRoleDependencies {
  pools: Pools;
  config: Config;
  databaseUrl: string;
  clients: SendClients;
  repliesOf(account: AccountConfig): readonly LoadedSource[];
  words: Words | undefined;
  retryPolicy: RetryPolicy;
  pollIntervalMs: number | undefined;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  clock: () => Date;
  /** Ends the wait for a database that goes away while the worker starts. */
  starting: AbortSignal;
}

/** The role `worker`: from jobs to settled messages. */
export async function startWorkerRole(dependencies: WorkerRoleDependencies): Promise<Worker> {
  const { pools, config, repliesOf, words, log, metrics, tracing, clock } = dependencies;
  const pool = pools.open('writes');
  const givingUp = new AbortController();
  const sources = await openSources({
    accounts: config.accounts,
    repliesOf,
    words: words?.current,
    services: { pool, proxies: config.proxies, log, metrics, tracing, clock },
  });
  const web = createWeb({
    allowPrivateAddresses: config.mediaFromPrivateAddresses,
    proxies: config.proxies,
  });
  async function close(): Promise<void> {
    await sources.close();
    givingUp.abort();
    await web.destroy();
  }
  const parts = { pool, web, accounts: sources.accounts, giveUp: givingUp.signal };
  const worker = await startWorker(
    workerDependencies(dependencies, parts),
    workerOptions(dependencies),
  ).catch(async (error) => {
    await close();
    throw error;
  });
  const watched = words?.watch(log);
  async function stop(): Promise<void> {
    await watched?.stop();
    const grace = setTimeout(() => givingUp.abort(), config.shutdownGraceMs);
    await worker.stop();
    clearTimeout(grace);
    await close();
  }
  return {
    get workerId() {
      return worker.workerId;
    },
    get hasLooked() {
      return worker.hasLooked;
    },
    looked: worker.looked,
    stop,
  };
}

function workerDependencies(
  dependencies: WorkerRoleDependencies,
  { pool, giveUp, ...parts }: Pick<WorkerDependencies, 'pool' | 'web' | 'accounts'> & { giveUp: AbortSignal },
): WorkerDependencies {
  const { pools, databaseUrl, clients, words, log, metrics, tracing, clock, starting } = dependencies;
  const durably = <T>(statements: () => Promise<T>) =>
    persist(statements, { signal: giveUp, onOutage: (error) => noteOutage(log, error) });
  // A reply waits for a database that is away: that is no failure of its own.
  const { tokens } = createTokens({ pool, client: clients.tokens, durably, log, metrics, clock });
  const call = createWeChatCall({ clientOf: clients.others, tokens });
  return {
    ...parts,
    pool,
    claimPool: pools.open('jobs'),
    connectionString: databaseUrl,
    servers: pools.servers,
    clients,
    tokens,
    uploads: createMediaUploads(createKysely(pool)),
    services: createContextServices({
      pool,
      durably,
      giveUp,
      call: ({ account }, request, signal) => call(account, request, signal),
    }),
    words: words?.current,
    log,
    metrics,
    tracing,
    clock,
    random: Math.random,
    starting,
  };
}

function noteOutage(log: Logger, error: unknown): void {
  log.warn({ event: 'database_away', err: error }, 'database away');
}

/** Who waits for what a user may still be writing waits for a look at the queue as well. */
const mergePollMs = 500;

const merges = ({ accounts }: Config) => accounts.some(({ mergeWithinMs }) => mergeWithinMs > 0);

function workerOptions({ config, retryPolicy, pollIntervalMs }: WorkerRoleDependencies): WorkerOptions {
  return {
    ...defaultWorkerOptions,
    pollIntervalMs: pollIntervalMs ?? (merges(config) ? mergePollMs : defaultWorkerOptions.pollIntervalMs),
    replyTimeoutMs: config.replyTimeoutMs,
    overflowNotice: config.overflowNotice,
    handBackWords: config.handBackWords,
    handoverIdleMinutes: config.handoverIdleMinutes,
    policy: retryPolicy,
    shutdownGraceMs: config.shutdownGraceMs,
    rescueAfterMs: config.rescueAfterMs,
    replyConcurrency: config.replyConcurrency,
    sendConcurrency: config.sendConcurrency,
    retentionDays: config.retentionDays,
    forgetAfterUnsubscribeDays: config.forgetAfterUnsubscribeDays,
  };
}
