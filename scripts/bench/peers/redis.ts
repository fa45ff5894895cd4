import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePorts } from '../../free-ports.ts';

const binary = '/usr/bin/redis-server';

/** When Redis makes sure that what it answered is on the disk. */
export type AppendFsync = 'always' | 'everysec';

export interface RedisServer {
  readonly port: number;
  readonly pid: number;
  readonly client: Redis;
  stop(): Promise<void>;
}

/**
 * One of our own with an append-only file, as BullMQ's documentation advises. It takes no snapshots and does not rewrite its file: neither
 * shall fall into somebody's turn, as no checkpoint of Postgres does.
 *
 * @throws Error where Debian's package redis-server is not installed
 */
export async function startRedis(directory: string, appendfsync: AppendFsync): Promise<RedisServer> {
  await mkdir(directory, { recursive: true });
  const port = await freePorts(1);
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: directory,
    appendonly: 'yes',
    appendfsync,
    save: '',
    'auto-aof-rewrite-percentage': '0',
    'maxmemory-policy': 'noeviction',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(binary, flags, { stdio: 'ignore' });
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`${binary} does not start; it is in Debian's package redis-server`, { cause: error });
  });
  failed.catch(() => undefined);
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 100 });
  client.on('error', () => undefined);
  await Promise.race([client.ping(), failed, tooLate()]);
  return {
    port,
    pid: child.pid ?? 0,
    client,
    async stop() {
      client.disconnect();
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function tooLate(): Promise<never> {
  await sleep(10_000, undefined, { ref: false });
  throw new Error('Redis did not answer within 10 s');
}
