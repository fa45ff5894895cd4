import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#src/db/embedded.js';
import { migrateDatabase } from '#src/db/migrate.js';
import { type Simulator, startSimulator } from '#src/simulator/index.js';
import type { ChaosTargets } from './chaos.ts';
import { type ServiceProcess, startProcess } from './processes.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const account = { appId: 'wx0000000000soak', appSecret: 'simulated-secret', token: 'soaktoken' };
const startTimeoutMs = 30_000;

/** The service as it is tried: two processes of each role, with a proxy on each of their ways. */
export interface Field {
  readonly pool: pg.Pool;
  readonly simulator: Simulator;
  readonly processes: readonly ServiceProcess[];
  readonly targets: ChaosTargets;
  /** Data and logs stay when all is stopped. */
  keepAll(): void;
}

type OnStop = (stop: () => Promise<unknown>) => void;

/**
 * @param isKept data and logs stay in any case
 * @param onStop told what to do in the end, the last first
 */
export async function openField({ isKept, onStop }: { isKept: boolean; onStop: OnStop }): Promise<Field> {
  const { directory, logs, keepAll } = await openDirectory(isKept, onStop);
  const { postgres, pool } = await openDatabase(directory, onStop);
  const simulator = await startSimulator({ account });
  onStop(() => simulator.close());
  const processes: ServiceProcess[] = [];
  const ofRole = (role: string) => processes.filter(({ name }) => name.startsWith(role));
  const webhookPorts = () => ofRole('ingress').flatMap(({ webhookPort }) => webhookPort ?? []);
  const proxies = await openProxies({ postgres, simulator, webhookPorts, onStop });
  simulator.setWebhookUrl(`http://127.0.0.1:${proxies.webhook.port}/wechat`);
  const settings = settingsFor({ postgres, proxies });
  for (const name of ['ingress 1', 'ingress 2', 'worker 1', 'worker 2']) {
    const role = name.startsWith('ingress') ? 'ingress' : 'worker';
    const started = startProcess(name, role, settings, path.join(logs, `${name.replace(' ', '-')}.log`));
    processes.push(started);
    onStop(started.stop);
  }
  await until('the ingress processes to listen', startTimeoutMs, () => webhookPorts().length === 2);
  const [ingress, workers] = [ofRole('ingress'), ofRole('worker')];
  return {
    ...{ pool, simulator, processes, keepAll },
    targets: { ingress, workers, postgres, simulator, appId: account.appId, proxies },
  };
}

async function openDirectory(
  keepsAnyway: boolean,
  onStop: OnStop,
): Promise<{ directory: string; logs: string; keepAll: Field['keepAll'] }> {
  // Under /var/tmp: as root, Postgres runs as another user, who must be able to reach it.
  const directory = await mkdtemp('/var/tmp/wechat-outbox-soak-');
  await chmod(directory, 0o755);
  let isKept = keepsAnyway;
  onStop(async () => {
    if (isKept) console.log(`Data and logs are kept in ${directory}`);
    else await rm(directory, { recursive: true, force: true });
  });
  const logs = path.join(directory, 'logs');
  await mkdir(logs);
  const keepAll = () => {
    isKept = true;
  };
  return { directory, logs, keepAll };
}

async function openDatabase(
  directory: string,
  onStop: OnStop,
): Promise<{ postgres: EmbeddedPostgres; pool: pg.Pool }> {
  const postgres = await startEmbeddedPostgres({ dataDir: directory });
  onStop(() => postgres.stop());
  await migrateDatabase(postgres.url, () => undefined);
  const pool = new pg.Pool({ connectionString: postgres.url, max: 2 });
  pool.on('error', () => undefined);
  onStop(() => pool.end());
  return { postgres, pool };
}

type Proxies = ChaosTargets['proxies'];

async function openProxies({
  postgres,
  simulator,
  webhookPorts,
  onStop,
}: {
  postgres: EmbeddedPostgres;
  simulator: Simulator;
  webhookPorts: () => number[];
  onStop: OnStop;
}): Promise<Proxies> {
  const databasePort = Number(new URL(postgres.url).port);
  const apiPort = Number(new URL(simulator.apiBase).port);
  const proxies = {
    webhook: await startTcpProxy(webhookPorts),
    database: await startTcpProxy(() => [databasePort]),
    api: await startTcpProxy(() => [apiPort]),
  };
  for (const proxy of Object.values(proxies)) onStop(proxy.close);
  return proxies;
}

function settingsFor({
  postgres,
  proxies,
}: {
  postgres: EmbeddedPostgres;
  proxies: Proxies;
}): Record<string, string> {
  const databaseUrl = new URL(postgres.url);
  databaseUrl.port = String(proxies.database.port);
  return {
    DATABASE_URL: databaseUrl.href,
    HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_PORT: '0',
    WECHAT_APP_ID: account.appId,
    WECHAT_APP_SECRET: account.appSecret,
    WECHAT_TOKEN: account.token,
    WECHAT_API_BASE: `http://127.0.0.1:${proxies.api.port}`,
    REPLIES: fileURLToPath(new URL('replies.js', import.meta.url)),
  };
}

async function until(what: string, timeoutMs: number, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !isSo(); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
  }
}
