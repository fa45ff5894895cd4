import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { busySeconds, createCpuClock, postmasterOf } from '../bench/cpu.ts';
import type { Lab } from '../bench/lab.ts';
import { push } from '../bench/latency.ts';
import { load } from '../bench/load.ts';
import { type Measured, startProduct } from '../bench/processes.ts';
import { writePushes } from '../bench/pushes.ts';
import { median, quantile } from '../bench/statistics.ts';
import { type Costs, fitCost, fitGatherMs, stretch } from './costs.ts';

/** What a run at one rate took: CPU in microseconds a message, by part. */
export interface Point {
  ratePerSecond: number;
  ingressUs: number;
  workerUs: number;
  postgresUs: number;
  /** All else that the machine did: the load generator and the stub of the API. */
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
  /** As much as it takes with 512 connections, from the first push until all are sent; its rate is that of the answers. */
  full(seconds: number): Promise<Point>;
  close(): Promise<void>;
}

interface Reading {
  ingress: number;
  worker: number;
  postgres: number;
  /** All cores of the machine together. */
  machine: number;
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
    return {
      ingress: clock.ofTree(ingress.pid),
      worker: clock.ofTree(worker.pid),
      postgres: clock.ofTree(postmaster),
      machine: busySeconds(),
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
    return { ratePerSecond, ...shares(before, after, sends), ...(await restOf(disk, sends, latenciesMs)) };
  }

  /** Microseconds of each part, a message. */
  function shares(before: Reading, after: Reading, sends: number) {
    const us = (part: keyof Reading) => ((after[part] - before[part]) * 1e6) / sends;
    const own = { ingressUs: us('ingress'), workerUs: us('worker'), postgresUs: us('postgres') };
    const besideUs = Math.max(0, us('machine') - own.ingressUs - own.workerUs - own.postgresUs);
    return { ...own, besideUs, walBytes: (after.wal - before.wal) / sends };
  }

  async function restOf(diskBefore: number, sends: number, latenciesMs: number[]) {
    return {
      diskBytes: ((await diskBytes(lab)) - diskBefore) / sends,
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
    };
  }

  async function full(seconds: number): Promise<Point> {
    const pushesFile = lab.file('pushes');
    await writePushes(pushesFile, 15_000 * seconds, false);
    await lab.pool.query('checkpoint');
    const disk = await diskBytes(lab);
    await lab.resetCounts();
    const before = await read();
    const startedAt = performance.timeOrigin + performance.now();
    const { port } = ingress;
    await load(lab.loadTool, { port, pushesFile, connections: 512, seconds });
    await settled(lab);
    const { sends, lastAt, latenciesMs } = await lab.counts();
    const after = await read();
    const ratePerSecond = sends / ((lastAt - startedAt) / 1_000);
    return { ratePerSecond, ...shares(before, after, sends), ...(await restOf(disk, sends, latenciesMs)) };
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

/** Costs of this machine, of what was measured at a low rate, at a higher one, and at the highest, where groups are at their largest. */
export function costsOf(
  { low, higher, full }: { low: Point; higher: Point; full: Point },
  measured: { idleCores: Costs['idleCores']; commitMs: number; connections: number; cores: number },
): Costs {
  const { cores, ...known } = measured;
  const parts = ['ingress', 'worker', 'postgres'] as const;
  // What a part does without messages is no message's.
  const own = (part: (typeof parts)[number], point: Point) =>
    Math.max(0, point[`${part}Us`] - (known.idleCores[part] * 1e6) / point.ratePerSecond);
  const all = (point: Point) => parts.reduce((sum, part) => sum + own(part, point), 0);
  const at = (point: Point, cost: number) => ({ ratePerSecond: point.ratePerSecond, cost });
  const busy = ((all(higher) + higher.besideUs) * higher.ratePerSecond) / 1e6 / cores;
  const gathered = fitGatherMs(at(low, all(low)), at(higher, all(higher)), all(full));
  const fitted = (cost: (point: Point) => number) => fitCost(at(low, cost(low)), cost(full), gathered);
  return {
    ingressUs: fitted((point) => own('ingress', point)),
    workerUs: fitted((point) => own('worker', point)),
    postgresUs: fitted((point) => own('postgres', point)),
    walBytes: fitted(({ walBytes }) => walBytes),
    diskBytes: full.diskBytes,
    gatherMs: gathered / stretch(Math.min(0.95, busy), cores),
    ...known,
  };
}
