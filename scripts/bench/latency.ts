import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Benchmark } from './benchmark.ts';
import { busySeconds } from './cpu.ts';
import type { Lab } from './lab.ts';
import { storeHistory } from './messages.ts';
import { startProduct } from './processes.ts';
import { textXml, toPush } from './pushes.ts';
import { quantile } from './statistics.ts';

const perSecond = 500;
const seconds = 8;
/** Until V8 has compiled what a push and a reply run: before that, this would measure the compiler. */
const warmUpSeconds = 8;
/** More than are deleted while it is measured. */
const oldMessages = 60_000;

/** From the push to its reply's arrival at the API, both roles in one process. */
export const latency: Benchmark = async (lab, { rounds }, progress) => {
  const p50: number[] = [];
  const p99: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await lab.empty();
    const measured = await pushToArrival(lab);
    p50.push(measured.p50);
    p99.push(measured.p99);
    progress(`round ${round}: p50 ${measured.p50.toFixed(1)} ms, p99 ${measured.p99.toFixed(1)} ms`);
  }
  const unit = 'ms';
  return [
    { name: 'push to API, 500/s, p50', unit, values: p50, goal: { kind: 'at-most', value: 10 } },
    { name: 'push to API, 500/s, p99', unit, values: p99, goal: { kind: 'at-most', value: 40 } },
  ];
};

/** The same load while messages of a year ago are deleted, and while they are not. */
export const retention: Benchmark = async (lab, { rounds }, progress) => {
  const without: number[] = [];
  const deleting: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await lab.empty();
    await storeHistory(lab, oldMessages, () => undefined);
    without.push((await pushToArrival(lab)).p99);
    deleting.push((await pushToArrival(lab, { RETENTION_DAYS: '30' })).p99);
    const { rows } = await lab.pool.query<{ left: number }>(
      `select count(*)::int as left from wechat.inbound_message where dedupe_key like 'msg:h%'`,
    );
    const deleted = oldMessages - (rows[0]?.left ?? 0);
    progress(
      `round ${round}: p99 ${without.at(-1)?.toFixed(1)} ms, ${deleting.at(-1)?.toFixed(1)} ms while ${deleted} messages are deleted`,
    );
    if (deleted === 0) throw new Error('Nothing was deleted: nothing was measured');
  }
  return [
    {
      name: 'push to API, 500/s, p99, with retention at work',
      unit: 'ms',
      values: deleting,
      baseline: { name: 'without', values: without },
      goal: { kind: 'at-most', value: 100 },
    },
  ];
};

export interface Arrivals {
  p50: number;
  p99: number;
  /** Of the machine, by all that ran on it meanwhile: near the number of its cores, what was measured is the wait for them. */
  busyCores: number;
}

/** The latencies of a product with these settings. */
export async function pushToArrival(
  lab: Lab,
  settings: Record<string, string> = {},
  ratePerSecond = perSecond,
): Promise<Arrivals> {
  const service = await startProduct('all', { ...lab.settings, ...settings });
  const http = new Pool(`http://127.0.0.1:${service.port}`, { connections: 64, pipelining: 1 });
  try {
    await push(http, warmUpSeconds, ratePerSecond);
    await lab.waitForSends(warmUpSeconds * ratePerSecond);
    await lab.resetCounts();
    const busyAtFirst = busySeconds();
    const startedAt = performance.now();
    await push(http, seconds, ratePerSecond);
    const busyCores = ((busySeconds() - busyAtFirst) * 1_000) / (performance.now() - startedAt);
    const { latenciesMs } = await lab.waitForSends(seconds * ratePerSecond);
    return { p50: quantile(latenciesMs, 0.5), p99: quantile(latenciesMs, 0.99), busyCores };
  } finally {
    await http.close();
    await service.stop();
    await lab.resetCounts();
  }
}

/** At this rate, however slowly they are answered; users are named for the time of their push. */
export async function push(http: Pool, forSeconds: number, ratePerSecond = perSecond): Promise<void> {
  const startedAt = performance.now();
  const pending: Promise<void>[] = [];
  for (let due = 0; due < forSeconds * ratePerSecond; ) {
    for (; startedAt + (due * 1_000) / ratePerSecond <= performance.now(); due += 1)
      pending.push(pushOne(http, due));
    await sleep(1);
  }
  await Promise.all(pending);
}

async function pushOne(http: Pool, number: number): Promise<void> {
  const openid = `t${(performance.timeOrigin + performance.now()).toFixed(3)}-${number}`;
  const { path, body } = toPush(textXml(openid), false);
  const response = await http.request({
    path,
    method: 'POST',
    headers: { 'content-type': 'text/xml' },
    body,
  });
  await response.body.dump();
  if (response.statusCode !== 200) throw new Error(`A push was answered with ${response.statusCode}`);
}
