import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Benchmark } from './benchmark.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { accounts, main, storeConsoleHistory } from './console-history.ts';
import { type Page, pagesOf } from './console-pages.ts';
import { createBackendClock, createCpuClock } from './cpu.ts';
import type { Lab } from './lab.ts';
import { type Measured, startProduct } from './processes.ts';
import { account, textXml, toPush } from './pushes.ts';
import type { Measure } from './report.ts';
import { quantile } from './statistics.ts';

const calls = 20;
/** Of a page that takes seconds. */
const callsWhenSlow = 3;
const slowMs = 2_000;
/** With what lies around a statement that Postgres ends after 5 s. */
const longestMs = 5_500;
const pageMs = 300;
/** A page that is refused as too slow is no page. */
const refusedMs = 5_000;

const consoles = 50;
const idleSeconds = 60;
const pushesPerSecond = 5;

/** Every page of the console over a long history, and what it costs that many have it open. */
export const consolePages: Benchmark = async (lab, { history: millions }, progress) => {
  await storeConsoleHistory(lab, millions * 1e6, (stored) =>
    progress(`history: ${stored.toLocaleString('en')} messages`),
  );
  return measureConsole(lab, progress);
};

export async function measureConsole(lab: Lab, progress: (what: string) => void): Promise<Measure[]> {
  const service = await startProduct('all', await settingsOf(lab));
  try {
    const client = await signIn(lab, service.adminPort);
    try {
      const measures: Measure[] = [];
      for (const page of await pagesOf(lab)) {
        const { measure, said } = await measurePage(client, page);
        measures.push(measure);
        progress(said);
      }
      return [...measures, ...(await measureOpenConsoles(lab, service, client, progress))];
    } finally {
      await client.close();
    }
  } finally {
    await service.stop();
  }
}

async function settingsOf(lab: Lab): Promise<Record<string, string>> {
  const {
    WECHAT_APP_ID: _id,
    WECHAT_APP_SECRET: secret = '',
    WECHAT_TOKEN: _token,
    ...settings
  } = lab.settings;
  const file = lab.file('accounts.json');
  const entries = accounts.map(({ appId, name }) => ({
    ...{ appId, name, appSecret: { env: 'DESK_SECRET' }, token: { env: 'DESK_TOKEN' } },
  }));
  await writeFile(file, JSON.stringify({ accounts: entries }));
  return { ...settings, ACCOUNTS_FILE: file, DESK_SECRET: secret, DESK_TOKEN: account.token };
}

/** Once to warm up, then the 95th percentile of twenty. */
async function measurePage(client: ConsoleClient, page: Page): Promise<{ measure: Measure; said: string }> {
  const { path, body, isLong = false, pauseMs = 0 } = page;
  const call = async () => {
    const answer = await (body === undefined ? client.get(path) : client.post(path, body));
    if (answer.status !== 200 && answer.status !== 503)
      throw new Error(`${path} was answered with ${answer.status}: ${answer.text.slice(0, 300)}`);
    return answer;
  };
  const first = await call();
  const times: number[] = [];
  const count = first.ms > slowMs ? callsWhenSlow : pauseMs > 0 ? callsWhenSlow * 2 : calls;
  let last = first;
  for (let nth = 0; nth < count; nth += 1) {
    await sleep(pauseMs);
    last = await call();
    times.push(last.ms);
  }
  const p95 = quantile(times, 0.95);
  const name = decodeURIComponent(body === undefined ? path : `${path} ${JSON.stringify(body)}`);
  return {
    measure: {
      name: last.status === 200 ? name : `${name} (${last.status})`,
      ...{
        unit: 'ms',
        values: [last.status === 200 || isLong ? p95 : refusedMs],
        goal: { kind: 'at-most', value: isLong ? longestMs : pageMs },
      },
    },
    said: `${p95 > pageMs ? 'SLOW ' : ''}${p95.toFixed(0)} ms (first ${first.ms.toFixed(0)}, ${last.text.length} bytes): ${name}`,
  };
}

/**
 * The same pushes, first without a console, then with fifty that hear of each: what the server's processes use that serve the console's
 * connections. What all of Postgres uses with and without differs by more than that from one minute to the next.
 */
async function measureOpenConsoles(
  lab: Lab,
  service: Measured,
  client: ConsoleClient,
  progress: (what: string) => void,
): Promise<Measure[]> {
  const clock = createCpuClock();
  const backends = createBackendClock(lab.pool, 'wechat-outbox console');
  const used = async () => [await backends.read(), clock.ofTree(service.pid)];
  const shares = async () => {
    const before = await used();
    const startedAt = performance.now();
    await push(service.port, idleSeconds);
    const seconds = (performance.now() - startedAt) / 1_000;
    return (await used()).map((after, index) => ((after - (before[index] ?? 0)) / seconds) * 100);
  };
  try {
    await push(service.port, 5);
    const [databaseAlone = 0, nodeAlone = 0] = await shares();
    await Promise.all(Array.from({ length: consoles }, () => client.openStream()));
    const told = client.events;
    const [database = 0, node = 0] = await shares();
    const events = client.events - told;
    if (events < consoles * 10) throw new Error(`The consoles heard of ${events} events only`);
    progress(
      `${consoles} consoles had ${events} events; of a core their connections took ${database.toFixed(2)} % of Postgres (${databaseAlone.toFixed(2)} % without them), Node ${node.toFixed(2)} % (${nodeAlone.toFixed(2)} %)`,
    );
    const unit = '% of a core';
    return [
      {
        ...{ name: `Postgres, ${consoles} open consoles`, unit, values: [database] },
        goal: { kind: 'at-most', value: 2 },
      },
      { name: `Node, ${consoles} open consoles`, unit, values: [node - nodeAlone] },
    ];
  } finally {
    backends.stop();
  }
}

async function push(port: number, seconds: number): Promise<void> {
  for (let nth = 0; nth < seconds * pushesPerSecond; nth += 1) {
    const due = sleep(1_000 / pushesPerSecond);
    const { path, body } = toPush(textXml(`oIdle${nth % 40}`), false);
    const response = await request(
      `http://127.0.0.1:${port}${path.replace('/wechat', `/wechat/${main.appId}`)}`,
      {
        ...{ method: 'POST', headers: { 'content-type': 'text/xml' }, body },
      },
    );
    await response.body.dump();
    if (response.statusCode !== 200) throw new Error(`A push was answered with ${response.statusCode}`);
    await due;
  }
}
