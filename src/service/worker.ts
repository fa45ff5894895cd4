import type { AccessTokens } from '../accounts/access-token.js';
import { createMediaUploads } from '../accounts/media-uploads.js';
import type { AccountConfig, Config } from '../config/settings.js';
import { createKysely } from '../db/kysely.js';
import { persist } from '../db/persist.js';
import { createWeb } from '../lib/web.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { createContextServices } from '../replies/context.js';
import { inTurn, type LoadedSource, type ReplySource } from '../replies/source.js';
import type { SendClients } from '../sending/clients.js';
import type { RetryPolicy } from '../sending/retry-policy.js';
import { defaultWorkerOptions } from '../worker/options.js';
import { startWorker, type Worker } from '../worker/runner.js';
import { createTokens } from './credentials.js';
import type { Pools } from './pools.js';

export interface WorkerRoleDependencies {
  pools: Pools;
  config: Config;
  databaseUrl: string;
  clients: SendClients;
  repliesOf(account: AccountConfig): readonly LoadedSource[];
  retryPolicy: RetryPolicy;
  pollIntervalMs: number | undefined;
  log: Logger;
  metrics: Metrics;
  clock: () => Date;
}

/** The role `worker`: from jobs to settled messages. */
export async function startWorkerRole(dependencies: WorkerRoleDependencies): Promise<Worker> {
  const { pools, config, databaseUrl, clients, repliesOf, log, metrics, clock } = dependencies;
  const pool = pools.open('writes');
  const givingUp = new AbortController();
  const web = createWeb({
    allowPrivateAddresses: config.mediaFromPrivateAddresses,
    proxies: config.proxies,
  });
  const sources = new Map<string, readonly ReplySource[]>();
  for (const account of config.accounts) {
    const services = { appId: account.appId, pool, proxies: config.proxies, log, metrics, clock };
    const opened: ReplySource[] = [];
    for (const source of repliesOf(account)) opened.push(await source.open(services));
    sources.set(account.appId, opened);
  }
  const worker = await startWorker(
    {
      pool,
      claimPool: pools.open('jobs'),
      connectionString: databaseUrl,
      accounts: config.accounts.map((account) => ({
        ...account,
        answer: inTurn(sources.get(account.appId) ?? []),
      })),
      clients,
      tokens: patientTokens(dependencies, givingUp.signal),
      web,
      uploads: createMediaUploads(createKysely(pool)),
      services: createContextServices(),
      log,
      metrics,
      clock,
      random: Math.random,
    },
    {
      ...defaultWorkerOptions,
      ...(dependencies.pollIntervalMs === undefined ? {} : { pollIntervalMs: dependencies.pollIntervalMs }),
      replyTimeoutMs: config.replyTimeoutMs,
      overflowNotice: config.overflowNotice,
      handBackWords: config.handBackWords,
      handoverIdleMinutes: config.handoverIdleMinutes,
      policy: dependencies.retryPolicy,
      shutdownGraceMs: config.shutdownGraceMs,
      rescueAfterMs: config.rescueAfterMs,
      replyConcurrency: config.replyConcurrency,
      sendConcurrency: config.sendConcurrency,
      retentionDays: config.retentionDays,
      forgetAfterUnsubscribeDays: config.forgetAfterUnsubscribeDays,
    },
  );
  async function stop(): Promise<void> {
    const grace = setTimeout(() => givingUp.abort(), config.shutdownGraceMs);
    await worker.stop();
    for (const opened of sources.values()) for (const source of opened) await source.close();
    clearTimeout(grace);
    givingUp.abort();
    await web.destroy();
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

/** A reply waits for a database that is away: that is no failure of its own. */
function patientTokens(
  { pools, clients, log, metrics, clock }: WorkerRoleDependencies,
  givingUp: AbortSignal,
): AccessTokens {
  const onOutage = (error: unknown) => log.warn({ event: 'database_away', err: error }, 'database away');
  return createTokens({
    pool: pools.open('writes'),
    durably: (statements) => persist(statements, { signal: givingUp, onOutage }),
    client: clients.tokens,
    log,
    metrics,
    clock,
  }).tokens;
}
