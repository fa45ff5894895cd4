import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { createCpuClock, postmasterOf } from '../bench/cpu.ts';
import type { Lab } from '../bench/lab.ts';
import { push } from '../bench/latency.ts';
import { load } from '../bench/load.ts';
import { type Measured, startProduct } from '../bench/processes.ts';
import { writePushes } from '../bench/pushes.ts';
import { median, quantile } from '../bench/statistics.ts';
import { type Costs, fitCost } from './costs.ts';

/** What a run at one rate took: CPU in microseconds a message, by part. */
export interface Point {
  ratePerSecond: number;
  ingressUs: number;
  workerUs: number;
  postgresUs: number;
  /** The load generator and the stub of the API. */
  besideUs: number;
  walBytes: number;
  diskBytes: number;
  p50Ms: number;
  p99Ms: number;
}

/** One process of each role, up until it is closed. */
export interface Field {
  /** CPU of all parts in cores, while nothing arrives. */
  idle(seconds: number): Promise<Costs['idleCores']>;
  /** A message of its own user each, so many a second. */
  at(ratePerSecond: number, seconds: number): Promise<Point>;
  /** As much as it takes with 512 connections: answers a second, from the first push until all are sent. */
  full(seconds: number): Promise<number>;
  close(): Promise<void>;
}

interface Reading {
  ingress: number;
  worker: number;
  postgres: number;
  beside: number;
  wal: number;
}

export async function openField(lab: Lab): Promise<Field> {
  const ingress: Measured = await startProduct('ingress', lab.settings);
  const worker: Measured = await startProduct('worker', lab.settings);
  const http = new Pool(`http://127.0.0.1:${ingress.port}`, { connections: 64, pipelining: 1 });
  const clock = createCpuClock();
  const postmaster = await postmasterOf(lab.pool);

  async function read(): Promise<Reading> {
    const { rows } = await lab.pool.query<{ wal: string }>(
      `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal`,
    );
    const { user, system } = process.cpuUsage();
    return {
      ingress: clock.ofTree(ingress.pid),
      worker: clock.ofTree(worker.pid),
      postgres: clock.ofTree(postmaster),
      beside: (user + system) / 1e6 + clock.ofTree(lab.stubPid),
      wal: Number(rows[0]?.wal),
    };
  }

  async function idle(seconds: number): Promise<Costs['idleCores']> {
    const before = await read();
    await sleep(seconds * 1_000);
    const after = await read();
    const cores = (part: keyof Reading) => (after[part] - before[part]) / seconds;
    return { ingress: cores('ingress'), worker: cores('worker'), postgres: cores('postgres') };
  }

  async function at(ratePerSecond: number, seconds: number): Promise<Point> {
    await lab.pool.query('checkpoint');
    const disk = await diskBytes(lab);
    await lab.resetCounts();
    const before = await read();
    await push(http, seconds, ratePerSecond);
    const { sends, latenciesMs } = await lab.waitForSends(Math.ceil(ratePerSecond * seconds));
    await settled(lab);
    const after = await read();
    const us = (part: keyof Reading) => ((after[part] - before[part]) * 1e6) / sends;
    return {
      ratePerSecond,
      ingressUs: us('ingress'),
      workerUs: us('worker'),
      postgresUs: us('postgres'),
      besideUs: us('beside'),
      walBytes: (after.wal - before.wal) / sends,
      diskBytes: ((await diskBytes(lab)) - disk) / sends,
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
    };
  }

  async function full(seconds: number): Promise<number> {
    const pushesFile = lab.file('pushes');
    await writePushes(pushesFile, 15_000 * seconds, false);
    await lab.resetCounts();
    const startedAt = performance.timeOrigin + performance.now();
    const { port } = ingress;
    await load(lab.loadTool, { port, pushesFile, connections: 512, seconds });
    await settled(lab);
    const { sends, lastAt } = await lab.counts();
    return sends / ((lastAt - startedAt) / 1_000);
  }

  async function close(): Promise<void> {
    await http.close();
    await ingress.stop();
    await worker.stop();
  }

  return { idle, at, full, close };
}

async function settled({ pool }: Lab): Promise<void> {
  for (;;) {
    const { rows } = await pool.query('select from wechat.inbound_message where settled_at is null limit 1');
    if (rows.length === 0) return;
    await sleep(20);
  }
}

async function diskBytes({ pool }: Lab): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>(
    `select sum(pg_total_relation_size(oid)) as bytes from pg_class
     where relnamespace = 'wechat'::regnamespace and relkind = 'r'`,
  );
  return Number(rows[0]?.bytes);
}

/** How long a commit takes until the disk has it: the median of fifty, less what a statement without one takes. */
export async function commitMs({ pool }: Lab): Promise<number> {
  const client = await pool.connect();
  const time = async (statement: string) => {
    const startedAt = performance.now();
    await client.query(statement);
    return performance.now() - startedAt;
  };
  try {
    const [commits, reads]: [number[], number[]] = [[], []];
    for (let nth = 0; nth < 50; nth += 1) {
      commits.push(await time(`select pg_logical_emit_message(true, 'bench', '')`));
      reads.push(await time('select 1'));
    }
    return Math.max(0, median(commits) - median(reads));
  } finally {
    client.release();
  }
}

/** A push waits for three on its way to the API: when it is stored, taken in hand, and its reply planned. */
const groupsOnTheWay = 3;
/** On a machine that is overloaded a push waits for much else. */
const longestGatherMs = 100;

/** Costs of this machine, of what was measured at a low and at a higher rate. */
export function costsOf(
  low: Point,
  high: Point,
  measured: { idleCores: Costs['idleCores']; commitMs: number; connections: number },
): Costs {
  const { idleCores } = measured;
  const gatherMs = Math.min(longestGatherMs, Math.max(1, high.p50Ms / groupsOnTheWay));
  // What a part does without messages is no message's.
  const own = (part: 'ingress' | 'worker' | 'postgres') => {
    const at = (point: Point) => ({
      ratePerSecond: point.ratePerSecond,
      cost: Math.max(0, point[`${part}Us`] - (idleCores[part] * 1e6) / point.ratePerSecond),
    });
    return fitCost(at(low), at(high), gatherMs);
  };
  const wal = (point: Point) => ({ ratePerSecond: point.ratePerSecond, cost: point.walBytes });
  return {
    ingressUs: own('ingress'),
    workerUs: own('worker'),
    postgresUs: own('postgres'),
    walBytes: fitCost(wal(low), wal(high), gatherMs),
    diskBytes: high.diskBytes,
    gatherMs,
    ...measured,
  };
}
