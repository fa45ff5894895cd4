import { execFile, spawn } from 'node:child_process';
import { appendFile, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { freePort } from '../../../src/db/ports.js';
import { waitFor } from '../../support/wait.js';

const exec = promisify(execFile);

/** As root, Postgres does not run: it does as its own user. */
async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([exec('id', ['-u', 'postgres']), exec('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

/** A directory that the servers can write to; its path is short enough for a socket. */
export async function serverDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'wo-'));
  const { uid, gid } = await serverUser();
  if (uid !== undefined && gid !== undefined) await chown(directory, uid, gid);
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Runs a program of the servers as their user. */
export async function asServer(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await exec(program, args, { ...(await serverUser()), cwd: '/' });
  return stdout;
}

export const bin = (program: string) => path.join(inject('postgresBin'), program);

export interface Cluster {
  readonly port: number;
  readonly directory: string;
  readonly data: string;
  /** Of the superuser, over TCP, or over the socket where there is no TCP. */
  url(database?: string, user?: string): string;
  socketUrl(database?: string, user?: string): string;
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
  promote(): Promise<void>;
  /** Id of its first process, of which all others are children. */
  postmaster(): Promise<number>;
}

export interface ClusterOptions {
  /** Lines of postgresql.conf. */
  settings?: readonly string[];
  hba?: readonly string[];
  initdb?: readonly string[];
  /** Made a standby of this one. */
  of?: Cluster;
  /** Made of this copy of another's files. */
  from?: string;
  prepare?(directory: string): Promise<void>;
}

/** A cluster of Debian's server as it comes: with JIT, fsync and 100 connections. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const directory = await serverDirectory();
  const data = path.join(directory, 'data');
  const port = await freePort();
  if (options.of) {
    const from = ['-h', options.of.directory, '-p', String(options.of.port), '-U', 'postgres'];
    await asServer(bin('pg_basebackup'), ['-D', data, ...from, '-R', '-X', 'stream', '-c', 'fast']);
  } else if (options.from) {
    await asServer('/bin/cp', ['-a', options.from, data]);
  } else {
    const args = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8'];
    await asServer(bin('initdb'), [...args, ...(options.initdb ?? [])]);
  }
  await options.prepare?.(directory);
  const settings = [
    `port = ${port}`,
    `unix_socket_directories = '${directory}'`,
    `listen_addresses = '127.0.0.1'`,
    ...(options.settings ?? []),
  ];
  await appendFile(path.join(data, 'postgresql.conf'), `\n${settings.join('\n')}\n`);
  if (options.hba) await writeFile(path.join(data, 'pg_hba.conf'), `${options.hba.join('\n')}\n`);
  const control = (...args: string[]) => asServer(bin('pg_ctl'), ['-D', data, '-w', ...args]);
  await control('-l', path.join(directory, 'server.log'), 'start');
  let isRunning = true;
  async function stop(): Promise<void> {
    if (isRunning) await control('-m', 'immediate', 'stop');
    isRunning = false;
  }
  onTestFinished(() => stop());
  const socketUrl = (database = 'postgres', user = 'postgres') =>
    `postgres://${user}@/${database}?host=${directory}&port=${port}`;
  return {
    port,
    directory,
    data,
    socketUrl,
    url: (database = 'postgres', user = 'postgres') => `postgres://${user}@127.0.0.1:${port}/${database}`,
    stop,
    async sql(text, database = 'postgres') {
      const client = new pg.Client({ connectionString: socketUrl(database) });
      await client.connect();
      try {
        return (await client.query(text)).rows;
      } finally {
        await client.end();
      }
    },
    async promote() {
      await control('promote');
    },
    async postmaster() {
      const { stdout } = await exec('head', ['-1', path.join(data, 'postmaster.pid')]);
      return Number(stdout.trim());
    },
  };
}

export interface Pooler {
  url(database: string, user?: string): string;
}

/** PgBouncer before a cluster. */
export async function startPgBouncer(cluster: Cluster, settings: readonly string[]): Promise<Pooler> {
  const directory = await serverDirectory();
  const port = await freePort();
  const file = path.join(directory, 'pgbouncer.ini');
  const lines = [
    '[databases]',
    // With auth_type any, the user of the server is to be named.
    `* = host=127.0.0.1 port=${cluster.port} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'auth_type = any',
    `unix_socket_dir =`,
    ...settings,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = spawn(inject('pgbouncer'), [file], { ...(await serverUser()), cwd: '/', stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const url = (database: string, user = 'postgres') => `postgres://${user}@127.0.0.1:${port}/${database}`;
  await waitFor('PgBouncer', async () => {
    const client = new pg.Client({ connectionString: url('postgres') });
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  });
  return { url };
}
