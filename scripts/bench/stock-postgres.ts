import { execFile } from 'node:child_process';
import { access, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '#src/db/ports.js';

const exec = promisify(execFile);

/** Where Debian's package postgresql (15 in bookworm) puts it; JIT is on by default there. */
const binaries = '/usr/lib/postgresql/15/bin';

export interface StockPostgres {
  readonly url: string;
  readonly postmasterPid: number;
  stop(): Promise<void>;
}

/** A cluster of its own with every default of the package. Undefined where it is not installed. */
export async function startStockPostgres(): Promise<StockPostgres | undefined> {
  const isInstalled = await access(path.join(binaries, 'initdb')).then(
    () => true,
    () => false,
  );
  if (!isInstalled) return undefined;
  const directory = await mkdtemp('/var/tmp/wechat-outbox-bench-stock-');
  const cluster = path.join(directory, 'cluster');
  const ids = await postgresUser();
  if (ids.uid !== undefined && ids.gid !== undefined) await chown(directory, ids.uid, ids.gid);
  const run = (tool: string, args: string[]) =>
    exec(path.join(binaries, tool), args, { ...ids, cwd: directory });
  const port = await freePort();
  await run('initdb', [
    '-D',
    cluster,
    '-U',
    'postgres',
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
  ]);
  const flags = `-c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${directory}`;
  await run('pg_ctl', ['-D', cluster, '-l', path.join(directory, 'log'), '-w', '-o', flags, 'start']);
  const server = `postgres://postgres@127.0.0.1:${port}`;
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  await client.query('create database wechat');
  await client.end();
  const [pid] = (await readFile(path.join(cluster, 'postmaster.pid'), 'utf8')).split('\n');
  return {
    url: `${server}/wechat`,
    postmasterPid: Number(pid),
    async stop() {
      await run('pg_ctl', ['-D', cluster, '-m', 'fast', '-w', 'stop']);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Postgres refuses to run as root. */
async function postgresUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([exec('id', ['-u', 'postgres']), exec('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
