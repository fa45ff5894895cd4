import { readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.ts';
import { patroniConfig } from './patroni-config.ts';
import { makeDirectory, programs, type ServerProcess, type ServerUser, startServer } from './programs.ts';

/** One server: a Postgres, and the Patroni that looks after it. */
export interface Member {
  readonly name: string;
  readonly port: number;
  readonly restPort: number;
  start(): void;
  /** SIGKILL to Patroni and to Postgres' first process. */
  kill(): void;
  /** SIGSTOP to all of its processes. */
  freeze(): void;
  thaw(): void;
  /** No word passes between it and etcd, in either direction. */
  cutFromEtcd(): void;
  mendEtcd(): void;
  /** What it sends to its standby waits for so long. */
  delayStandby(ms: number): void;
  /** Whether Patroni says that it leads. */
  isLeader(): Promise<boolean>;
  /** In good order, and for good. */
  stop(): Promise<void>;
}

export interface MemberOptions {
  name: string;
  ports: { postgres: number; rest: number };
  etcdPorts: readonly number[];
  password: string;
  isSynchronous: boolean;
  directory: string;
  logs: string;
  user: ServerUser;
}

const restTimeoutMs = 1_000;

export async function createMember(options: MemberOptions): Promise<Member> {
  const { name, ports, etcdPorts, directory, logs, user } = options;
  let isCut = false;
  const etcd = await startTcpProxy(() => (isCut ? [] : etcdPorts));
  const replication: TcpProxy = await startTcpProxy(() => [ports.postgres]);
  const data = path.join(await makeDirectory(path.join(directory, name), user), 'data');
  const config = path.join(directory, `${name}.yml`);
  await writeFile(
    config,
    patroniConfig({ ...options, data, etcdPort: etcd.port, replicationPort: replication.port }),
  );
  await chmod(config, 0o600);
  if (user.uid !== undefined && user.gid !== undefined) await chown(config, user.uid, user.gid);
  let patroni: ServerProcess | undefined;
  let frozen: number[] = [];

  /** Postgres outlives its Patroni: it is no child of it. */
  const postmaster = () => readPostmaster(data);
  const all = () => {
    const roots = [patroni && !patroni.hasEnded ? patroni.pid : undefined, postmaster()];
    return roots.flatMap((pid) => (pid === undefined ? [] : [pid, ...descendantsOf(pid)]));
  };
  function start(): void {
    patroni = startServer({
      program: programs.patroni,
      args: [config],
      logFile: path.join(logs, `${name}.log`),
      user,
      patienceMs: 30_000,
    });
  }
  function thaw(): void {
    for (const pid of frozen.splice(0)) signal(pid, 'SIGCONT');
  }
  return {
    ...{ name, port: ports.postgres, restPort: ports.rest, start, thaw },
    kill() {
      const pid = postmaster();
      patroni?.kill('SIGKILL');
      if (pid !== undefined) signal(pid, 'SIGKILL');
    },
    freeze() {
      // Those that were born meanwhile as well.
      for (let fresh = all(); fresh.length > 0; fresh = all().filter((pid) => !frozen.includes(pid))) {
        for (const pid of fresh) signal(pid, 'SIGSTOP');
        frozen = [...frozen, ...fresh];
      }
    },
    cutFromEtcd() {
      isCut = true;
      etcd.reset();
    },
    mendEtcd() {
      isCut = false;
    },
    delayStandby: (ms) => replication.freeze(ms),
    async isLeader() {
      const response = await fetch(`http://127.0.0.1:${ports.rest}/primary`, {
        method: 'OPTIONS',
        signal: AbortSignal.timeout(restTimeoutMs),
      }).catch(() => undefined);
      return response?.status === 200;
    },
    async stop() {
      thaw();
      isCut = false;
      await patroni?.stop();
      const left = postmaster();
      if (left !== undefined) signal(left, 'SIGINT');
      for (let tries = 0; postmaster() !== undefined && tries < 50; tries += 1) await sleep(100);
      const deaf = postmaster();
      if (deaf !== undefined) signal(deaf, 'SIGKILL');
      await etcd.close();
      await replication.close();
    },
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** @returns undefined while none runs on this data */
function readPostmaster(data: string): number | undefined {
  try {
    const pid = Number(readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    // A file that a crash left behind may name a process of somebody else's by now.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(data) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function descendantsOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(entry);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const below = (pid: number): number[] =>
    (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(root);
}

function parentOf(pid: string): number | undefined {
  try {
    // The name, in brackets, may hold anything.
    const [, parent] = /\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return parent === undefined ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}
