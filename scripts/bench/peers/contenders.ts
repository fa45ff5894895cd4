import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Lab } from '../lab.ts';
import { type Measured, startProduct, startProgram } from '../processes.ts';
import { type AppendFsync, type RedisServer, startRedis } from './redis.ts';
import { bullMqStore, byHandStore, pgBossStore, productStore, type Store } from './stores.ts';

export type Role = 'ingress' | 'all';

/** What is measured, and where it keeps its messages. */
export interface Contender {
  readonly key: ContenderKey;
  readonly name: string;
  /** Undefined where nothing is stored. */
  readonly store: Store | undefined;
  start(role: Role): Promise<Measured>;
}

export type ContenderKey = 'product' | 'pgBoss' | 'bullAlways' | 'bullEverysec' | 'byHand' | 'coWechat';

/** Two instances of Redis are started for BullMQ; they end with the lab. */
export async function openContenders(lab: Lab): Promise<readonly Contender[]> {
  const redis = async (appendfsync: AppendFsync) => {
    const server = await startRedis(lab.file(`redis-${appendfsync}`), appendfsync);
    lab.onClose(server.stop);
    return server;
  };
  const program =
    (name: string, more: Record<string, string> = {}) =>
    (role: Role) =>
      startProgram(name, { ...lab.settings, ...more, ROLE: role });
  const bullMq = async (
    key: ContenderKey,
    appendfsync: AppendFsync,
    server: RedisServer,
  ): Promise<Contender> => ({
    key,
    name: `BullMQ ${await versionOf('bullmq')}, fsync ${appendfsync}`,
    store: bullMqStore(server.client),
    start: program('bullmq', { REDIS_PORT: String(server.port) }),
  });
  return [
    {
      key: 'product',
      name: 'wechat-outbox',
      store: productStore(lab.pool),
      start: (role) => startProduct(role, lab.settings),
    },
    {
      key: 'pgBoss',
      name: `pg-boss ${await versionOf('pg-boss')}`,
      store: pgBossStore(lab.pool),
      start: program('pg-boss'),
    },
    await bullMq('bullAlways', 'always', await redis('always')),
    await bullMq('bullEverysec', 'everysec', await redis('everysec')),
    {
      key: 'byHand',
      name: `graphile-worker ${await versionOf('graphile-worker')}, a transaction a message`,
      store: byHandStore(lab.pool),
      start: program('graphile-worker'),
    },
    {
      key: 'coWechat',
      name: `co-wechat ${await versionOf('co-wechat')}, stores nothing`,
      store: undefined,
      start: program('co-wechat'),
    },
  ];
}

/** Read beside its entry: not every package lets its package.json be imported. */
async function versionOf(name: string): Promise<string> {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of folders) {
    const text = await readFile(`${folder}/${name}/package.json`, 'utf8').catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  throw new Error(`${name} is not installed`);
}
