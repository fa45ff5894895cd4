import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Benchmark } from './benchmark.js';
import { startProduct } from './processes.js';
import { textXml, toPush } from './pushes.js';
import { quantile } from './statistics.js';

const perSecond = 500;
const seconds = 8;
const warmUpSeconds = 2;

/** From the push to its reply's arrival at the API, both roles in one process. */
export const latency: Benchmark = async (lab, { rounds }, progress) => {
  const p50: number[] = [];
  const p99: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await lab.empty();
    const service = await startProduct('all', lab.settings);
    const http = new Pool(`http://127.0.0.1:${service.port}`, { connections: 64, pipelining: 1 });
    try {
      await push(http, warmUpSeconds);
      await lab.waitForSends(warmUpSeconds * perSecond);
      await lab.resetCounts();
      await push(http, seconds);
      const { latenciesMs } = await lab.waitForSends(seconds * perSecond);
      p50.push(quantile(latenciesMs, 0.5));
      p99.push(quantile(latenciesMs, 0.99));
      progress(`round ${round}: p50 ${p50.at(-1)?.toFixed(1)} ms, p99 ${p99.at(-1)?.toFixed(1)} ms`);
    } finally {
      await http.close();
      await service.stop();
      await lab.resetCounts();
    }
  }
  const unit = 'ms';
  return [
    { name: 'push to API, 500/s, p50', unit, values: p50, goal: { kind: 'at-most', value: 25 } },
    { name: 'push to API, 500/s, p99', unit, values: p99, goal: { kind: 'at-most', value: 100 } },
  ];
};

async function push(http: Pool, forSeconds: number): Promise<void> {
  const startedAt = performance.now();
  const pending: Promise<void>[] = [];
  for (let due = 0; due < forSeconds * perSecond; ) {
    for (; startedAt + (due * 1_000) / perSecond <= performance.now(); due += 1)
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
