import path from 'node:path';
import { freePorts } from '../../free-ports.ts';
import { until } from '../until.ts';
import { programs, type ServerProcess, type ServerUser, startServer } from './programs.ts';

const members = 3;
const startTimeoutMs = 30_000;

/** Three members of etcd: they agree on who leads the database as long as two of them live. */
export interface Etcd {
  /** Of the members, for clients. */
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

export async function startEtcd({
  directory,
  logs,
  user,
}: {
  directory: string;
  logs: string;
  user: ServerUser;
}): Promise<Etcd> {
  const first = await freePorts(2 * members);
  const ports = Array.from({ length: members }, (_, nth) => first + nth);
  const peerOf = (port: number) => `http://127.0.0.1:${port + members}`;
  const nameOf = (port: number) => `etcd${port - first + 1}`;
  const processes: ServerProcess[] = ports.map((port) =>
    startServer({
      program: programs.etcd,
      user,
      logFile: path.join(logs, `${nameOf(port)}.log`),
      args: [
        ...['--name', nameOf(port), '--data-dir', path.join(directory, nameOf(port))],
        ...['--listen-client-urls', `http://127.0.0.1:${port}`],
        ...['--advertise-client-urls', `http://127.0.0.1:${port}`],
        ...['--listen-peer-urls', peerOf(port), '--initial-advertise-peer-urls', peerOf(port)],
        ...['--initial-cluster', ports.map((one) => `${nameOf(one)}=${peerOf(one)}`).join(',')],
        // The processes share a machine that is at its limit: a slow disk is no dead member.
        ...['--heartbeat-interval', '200', '--election-timeout', '2000', '--log-level', 'warn'],
        '--enable-v2',
      ],
    }),
  );
  const stop = async () => void (await Promise.all(processes.map((one) => one.stop())));
  try {
    await until('every member of etcd', startTimeoutMs, async () =>
      (await Promise.all(ports.map(isHealthy))).every((healthy) => healthy),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { ports, stop };
}

async function isHealthy(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health`, {
    signal: AbortSignal.timeout(2_000),
  }).catch(() => undefined);
  return response?.ok === true;
}
