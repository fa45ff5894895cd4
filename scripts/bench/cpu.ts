import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import type pg from 'pg';

/** CPU time of processes as Linux accounts it (/proc), to a tick of 10 ms each. */
export interface CpuClock {
  /** Seconds of a process, of its children and of those that ended. NaN where the system does not tell. */
  ofTree(pid: number): number;
}

/** Sums up what some of the server's processes use, which may end and be replaced meanwhile. */
export interface BackendClock {
  /** Seconds so far. */
  read(): Promise<number>;
  stop(): void;
}

const lookEveryMs = 1_000;

/** Those that serve connections of this application_name. To the nanosecond, of /proc; NaN where the system does not tell. */
export function createBackendClock(pool: pg.Pool, applicationName: string): BackendClock {
  const secondsOf = new Map<number, number>();
  async function look(): Promise<void> {
    const { rows } = await pool.query<{ pid: number }>(
      'select pid from pg_stat_activity where application_name = $1',
      [applicationName],
    );
    for (const { pid } of rows) secondsOf.set(pid, readOnCpu(pid) ?? secondsOf.get(pid) ?? Number.NaN);
  }
  const timer = setInterval(() => void look().catch(() => undefined), lookEveryMs);
  return {
    async read() {
      await look();
      return [...secondsOf.values()].reduce((sum, seconds) => sum + seconds, 0);
    },
    stop: () => clearInterval(timer),
  };
}

/** Source: Documentation/scheduler/sched-stats.rst of Linux: the first of three is the time spent on the CPU, in ns. */
function readOnCpu(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
  } catch {
    return undefined;
  }
}

interface Stat {
  parent: number;
  /** Of itself, in ticks. */
  own: number;
  /** Of its children that ended. */
  ended: number;
}

export function createCpuClock(): CpuClock {
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return {
    ofTree(pid) {
      const root = readStat(pid);
      if (!root) return Number.NaN;
      let ticks = root.own + root.ended;
      for (const name of readdirSync('/proc')) {
        const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
        if (stat?.parent === pid) ticks += stat.own;
      }
      return ticks / ticksPerSecond;
    },
  };
}

/** The process that all others of the server are children of; it must run on this machine. */
export async function postmasterOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  return readStat(rows[0]?.pid ?? 0)?.parent ?? 0;
}

/** Source: proc_pid_stat(5). The name, in brackets, may hold anything. */
function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
    return { parent: fields[1] ?? 0, own: utime + stime, ended: cutime + cstime };
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}

/** CPU seconds of all cores and all that runs on them, since the machine was started. */
export function busySeconds(): number {
  return (
    os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1_000
  );
}
