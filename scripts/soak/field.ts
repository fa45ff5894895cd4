import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { migrateDatabase } from '#src/db/migrate.js';
import { type Simulator, startSimulator } from '#src/simulator/index.js';
import { type ServiceProcess, startProcess } from './processes.ts';
import { settingsFor } from './settings.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

const account = { appId: 'wx0000000000soak', appSecret: 'simulated-secret', token: 'soaktoken' };
const startTimeoutMs = 90_000;

/** The service as it is tried: two processes of each role, with a proxy on each of their ways. */
export interface Field<Database extends SoakDatabase> {
  readonly database: Database;
  readonly pool: pg.Pool;
  readonly simulator: Simulator;
  readonly appId: string;
  readonly ingress: readonly ServiceProcess[];
  readonly workers: readonly ServiceProcess[];
  readonly processes: readonly ServiceProcess[];
  readonly proxies: { webhook: TcpProxy; api: TcpProxy };
  /** Data and logs stay when all is stopped. */
  keepAll(): void;
}

/** What the service stores in. */
export interface SoakDatabase {
  /** Of the way that is never troubled, or is soonest mended. */
  readonly adminUrl: string;
  /** The way that a process of the service takes. */
  urlOf(process: string): string;
}

export type OnStop = (stop: () => Promise<unknown>) => void;

/**
 * @param isKept data and logs stay in any case
 * @param onStop told what to do in the end, the last first
 */
export async function openField<Database extends SoakDatabase>({
  isKept,
  onStop,
  openDatabase,
}: {
  isKept: boolean;
  onStop: OnStop;
  openDatabase(place: { directory: string; logs: string }, onStop: OnStop): Promise<Database>;
}): Promise<Field<Database>> {
  const { directory, logs, keepAll } = await openDirectory(isKept, onStop);
  const database = await openDatabase({ directory, logs }, onStop);
  const pool = await preparePool(database, onStop);
  const simulator = await startSimulator({ account });
  onStop(() => simulator.close());
  const processes: ServiceProcess[] = [];
  const ofRole = (role: string) => processes.filter(({ name }) => name.startsWith(role));
  const webhookPorts = () => ofRole('ingress').flatMap(({ webhookPort }) => webhookPort ?? []);
  const apiPort = Number(new URL(simulator.apiBase).port);
  const proxies = {
    webhook: await startTcpProxy(webhookPorts),
    api: await startTcpProxy(() => [apiPort]),
  };
  for (const proxy of Object.values(proxies)) onStop(proxy.close);
  simulator.setWebhookUrl(`http://127.0.0.1:${proxies.webhook.port}/wechat`);
  for (const name of ['ingress 1', 'ingress 2', 'worker 1', 'worker 2']) {
    const role = name.startsWith('ingress') ? 'ingress' : 'worker';
    const settings = settingsFor({
      account,
      databaseUrl: database.urlOf(name),
      apiBase: `http://127.0.0.1:${proxies.api.port}`,
    });
    const started = startProcess(name, role, settings, path.join(logs, `${name.replace(' ', '-')}.log`));
    processes.push(started);
    onStop(started.stop);
  }
  await until('the ingress processes to listen', startTimeoutMs, () => webhookPorts().length === 2);
  return {
    ...{ database, pool, simulator, processes, proxies, keepAll },
    appId: account.appId,
    ingress: ofRole('ingress'),
    workers: ofRole('worker'),
  };
}

async function openDirectory(
  keepsAnyway: boolean,
  onStop: OnStop,
): Promise<{ directory: string; logs: string; keepAll: () => void }> {
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

async function preparePool({ adminUrl }: SoakDatabase, onStop: OnStop): Promise<pg.Pool> {
  await migrateDatabase(adminUrl, () => undefined);
  const pool = new pg.Pool({ connectionString: adminUrl, max: 2 });
  pool.on('error', () => undefined);
  onStop(() => pool.end());
  return pool;
}
