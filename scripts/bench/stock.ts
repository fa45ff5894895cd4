import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Benchmark } from './benchmark.ts';
import { createCpuClock } from './cpu.ts';
import type { Lab } from './lab.ts';
import { type Measured, startProduct } from './processes.ts';
import { textXml, toPush } from './pushes.ts';
import type { Measure } from './report.ts';
import { median } from './statistics.ts';
import { type StockPostgres, startStockPostgres } from './stock-postgres.ts';

const messagesInBurst = 60;
const burstsInRound = 3;
const idleSeconds = 60;
/** After the start, until nothing is left to do. */
const settleSeconds = 5;

/** The service on PostgreSQL as Debian packages it, JIT on, beside the embedded one; and what it costs while nothing comes. */
export const stock: Benchmark = async (lab, { rounds }, progress) => {
  const postgres = await startStockPostgres();
  if (!postgres) {
    progress(
      'left out: /usr/lib/postgresql/15 is not there; "apt-get install postgresql" on Debian 12 brings it',
    );
    return [];
  }
  lab.onClose(postgres.stop);
  const stockSettings = { ...lab.settings, DATABASE_URL: postgres.url };
  const onStock: number[] = [];
  const onEmbedded: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await lab.empty();
    onEmbedded.push(await burstMs(lab, lab.settings));
    onStock.push(await burstMs(lab, stockSettings));
    const [embedded, own] = [onEmbedded, onStock].map((values) => Math.round(values.at(-1) ?? 0));
    progress(`round ${round}: a burst of ${messagesInBurst} in ${embedded} ms embedded, ${own} ms on stock`);
  }
  const idle = await idleCores(stockSettings, postgres);
  progress(
    `idle for ${idleSeconds} s: service ${idle.service.toFixed(4)}, Postgres ${idle.postgres.toFixed(4)} core`,
  );
  const burst: Measure = {
    name: `burst of ${messagesInBurst}, first push to last answer, stock PostgreSQL 15`,
    unit: 'ms',
    values: onStock,
    baseline: { name: 'embedded', values: onEmbedded },
    goal: { kind: 'ratio-at-most', value: 1.5 },
  };
  return [
    burst,
    {
      name: 'idle service on stock PostgreSQL 15, its CPU and that of Postgres',
      unit: 'core',
      values: [idle.service + idle.postgres],
      goal: { kind: 'at-most', value: 0.02 },
    },
  ];
};

/** The median of some bursts, behind one that warms the process up. */
async function burstMs(lab: Lab, settings: Readonly<Record<string, string>>): Promise<number> {
  const service = await startProduct('all', settings);
  const http = new Pool(`http://127.0.0.1:${service.port}`, { connections: messagesInBurst, pipelining: 1 });
  try {
    await burst(lab, http);
    const took: number[] = [];
    while (took.length < burstsInRound) took.push(await burst(lab, http));
    return median(took);
  } finally {
    await http.close();
    await service.stop();
  }
}

async function burst(lab: Lab, http: Pool): Promise<number> {
  await lab.resetCounts();
  const bodies = Array.from({ length: messagesInBurst }, (_, user) => toPush(textXml(`o${user}`), false));
  const startedAt = performance.timeOrigin + performance.now();
  await Promise.all(bodies.map((push) => post(http, push)));
  const { lastAt } = await lab.waitForSends(messagesInBurst);
  // What is recorded after the send shall not stand in the way of the next.
  await sleep(1_000);
  return lastAt - startedAt;
}

async function post(http: Pool, { path, body }: { path: string; body: string }): Promise<void> {
  const response = await http.request({
    path,
    method: 'POST',
    headers: { 'content-type': 'text/xml' },
    body,
  });
  await response.body.dump();
  if (response.statusCode !== 200) throw new Error(`A push was answered with ${response.statusCode}`);
}

/** Cores in use on average. */
async function idleCores(
  settings: Readonly<Record<string, string>>,
  { postmasterPid }: StockPostgres,
): Promise<{ service: number; postgres: number }> {
  const clock = createCpuClock();
  const service: Measured = await startProduct('all', settings);
  try {
    await sleep(settleSeconds * 1_000);
    const read = () => [clock.ofTree(service.pid), clock.ofTree(postmasterPid)] as const;
    const [serviceBefore, postgresBefore] = read();
    await sleep(idleSeconds * 1_000);
    const [serviceAfter, postgresAfter] = read();
    return {
      service: (serviceAfter - serviceBefore) / idleSeconds,
      postgres: (postgresAfter - postgresBefore) / idleSeconds,
    };
  } finally {
    await service.stop();
  }
}
