import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { freePorts } from '../free-ports.ts';

const startTimeoutMs = 30_000;

/** A process under measurement. */
export interface Measured {
  readonly port: number;
  /** Of the first of its processes. */
  readonly adminPort: number;
  readonly pid: number;
  /** Peak of its resident memory so far; NaN where the system does not tell (no /proc). */
  peakMb(): number;
  stop(): Promise<void>;
}

/** The product as it is installed: the built command line, its log in a file. */
export function startProduct(
  role: 'all' | 'ingress' | 'worker',
  settings: Readonly<Record<string, string>>,
): Promise<Measured> {
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  return startMeasured([main, 'start', '--role', role], settings, {
    listens: role !== 'worker',
    adminPorts: Number(settings.PROCESSES ?? 1),
  });
}

/** One of the programs beside this file: a baseline, or the stub of the API. */
export function startProgram(
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
  return startMeasured([file], settings);
}

/** Resolves when the process answers at /readyz of its admin ports and, if it listens there, at its own. */
async function startMeasured(
  args: string[],
  settings: Readonly<Record<string, string>>,
  { listens, adminPorts } = { listens: false, adminPorts: 1 },
): Promise<Measured> {
  const port = await freePorts(1 + adminPorts);
  const adminPort = port + 1;
  const { BENCH_LOG: logFile = '/dev/null' } = settings;
  const log = openSync(logFile, 'a');
  // e.g. --cpu-prof, to see where the time goes.
  const flags = (process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const child = spawn(process.execPath, [...flags, ...args], {
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
      ...settings,
    },
    stdio: ['ignore', log, log],
  });
  const deadline = Date.now() + startTimeoutMs;
  const isReady = async () => {
    for (let nth = 0; nth < adminPorts; nth += 1) {
      if (!(await isUp(adminPort + nth, '/readyz'))) return false;
    }
    return !listens || (await isUp(port, '/healthz'));
  };
  while (!(await isReady())) {
    if (child.exitCode !== null)
      throw new Error(`${args.join(' ')} ended with ${child.exitCode}:\n${tail(logFile)}`);
    if (Date.now() > deadline) throw new Error(`${args.join(' ')} did not start:\n${tail(logFile)}`);
    await sleep(50);
  }
  return { port, adminPort, pid: child.pid ?? 0, peakMb: () => peakMb(child), stop: () => end(child) };
}

/** The log goes with the lab. */
function tail(logFile: string): string {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
}

/** Whether anything but a failure is answered: a webhook knows no such path. */
async function isUp(port: number, path: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`http://127.0.0.1:${port}${path}`);
    await body.dump();
    return statusCode < 500;
  } catch {
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const killing = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(killing);
}

function peakMb({ pid }: ChildProcess): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}
