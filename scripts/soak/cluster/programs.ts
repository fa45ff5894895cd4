import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { access, chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Where Debian's packages patroni, etcd-server, haproxy and postgresql-15 keep their programs. */
export const programs = {
  patroni: '/usr/bin/patroni',
  etcd: '/usr/bin/etcd',
  haproxy: '/usr/sbin/haproxy',
  postgresBin: '/usr/lib/postgresql/15/bin',
} as const;

/** @throws Error naming those that are missing, and the packages they come in */
export async function findPrograms(): Promise<void> {
  const missing: string[] = [];
  for (const file of Object.values(programs)) await access(file).catch(() => missing.push(file));
  if (missing.length > 0)
    throw new Error(
      `Missing: ${missing.join(', ')}. On Debian: apt-get install --no-install-recommends patroni python3-etcd etcd-server haproxy postgresql-15`,
    );
}

/** A user without rights; Postgres runs as no other. */
export interface ServerUser {
  uid?: number;
  gid?: number;
}

/** As root, the servers run as the user `postgres`; otherwise as ourselves. */
export async function findServerUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([exec('id', ['-u', 'postgres']), exec('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

export async function makeDirectory(directory: string, { uid, gid }: ServerUser): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (uid !== undefined && gid !== undefined) await chown(directory, uid, gid);
  return directory;
}

export interface ServerProcess {
  readonly pid: number;
  readonly hasEnded: boolean;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL for who does not heed it. */
  stop(): Promise<void>;
}

/** Starts a server that writes what it says to a file. */
export function startServer({
  program,
  args,
  logFile,
  user,
  patienceMs = 10_000,
}: {
  program: string;
  args: readonly string[];
  logFile: string;
  user: ServerUser;
  patienceMs?: number;
}): ServerProcess {
  const log = createWriteStream(logFile, { flags: 'a' });
  const child: ChildProcess = spawn(program, args, {
    ...user,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: path.dirname(logFile), LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C in a terminal is for us: we end them in their order.
    detached: true,
  });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  return {
    pid: child.pid ?? 0,
    get hasEnded() {
      return hasEnded;
    },
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })]);
      if (!hasEnded) child.kill('SIGKILL');
      await ended;
      log.end();
    },
  };
}
