import { availableParallelism } from 'node:os';
import type { Benchmark } from './benchmark.ts';
import type { Lab } from './lab.ts';
import { generate, load } from './load.ts';
import { type Measured, startProduct, startProgram } from './processes.ts';
import { account, writePushes } from './pushes.ts';
import { median } from './statistics.ts';

const connections = 512;
const seconds = 4;
/**
 * Until the JIT has compiled what is hot, for all alike: on a slow machine a process under full load still spends a third of its
 * time on that in the fifth second, which a service that runs for weeks never sees again.
 */
const warmUpSeconds = 8;
/** More than are sent in one go, by far. */
const pushes = 100_000;

/** Messages a second that are stored with their job before they are answered. */
export const ingress: Benchmark = async (lab, { rounds }, progress) => {
  const onAllCores: number[] = [];
  const stored: number[] = [];
  const secure: number[] = [];
  const byHand: number[] = [];
  const bare: number[] = [];
  const aProcessACore = { PROCESSES: String(availableParallelism()) };
  const secureSettings = { ...lab.settings, WECHAT_ENCODING_AES_KEY: account.encodingAesKey };
  for (let round = 1; round <= rounds; round += 1) {
    const say = (what: string, rate: number | undefined) =>
      progress(`round ${round}: ${what} ${Math.round(rate ?? 0).toLocaleString('en')} messages/s`);
    byHand.push(
      await storedRate(lab, 'by_hand.message', false, () => byHandIngress(lab, true, aProcessACore)),
    );
    say('by hand, one transaction a message, a process a core:', byHand.at(-1));
    const allCores = { ...lab.settings, ...aProcessACore };
    onAllCores.push(await storedRate(lab, inbox, false, () => startProduct('ingress', allCores)));
    say('product, a process a core:', onAllCores.at(-1));
    bare.push(await answeredRate(lab, () => byHandIngress(lab, false)));
    say('bare Koa that stores nothing:', bare.at(-1));
    stored.push(await storedRate(lab, inbox, false, () => startProduct('ingress', lab.settings)));
    say('product, one process:', stored.at(-1));
    secure.push(await storedRate(lab, inbox, true, () => startProduct('ingress', secureSettings)));
    say('product, secure mode:', secure.at(-1));
  }
  const halfLoad = median(stored) / 2;
  const p99 = await latenciesAt(lab, halfLoad, rounds);
  progress(
    `p99 at ${Math.round(halfLoad)} messages/s: ${p99.map((value) => value.toFixed(1)).join(', ')} ms`,
  );
  const unit = 'messages/s';
  return [
    {
      name: 'ingress, 512 connections, a process a core',
      unit,
      values: onAllCores,
      baseline: { name: 'one transaction a message, a process a core', values: byHand },
      goal: { kind: 'ratio-at-least', value: 10 },
    },
    {
      name: 'ingress, one process',
      unit,
      values: stored,
      baseline: { name: 'one transaction a message, a process a core', values: byHand },
    },
    {
      name: 'ingress, one process',
      unit,
      values: stored,
      baseline: { name: 'bare Koa, stores nothing', values: bare },
      goal: { kind: 'ratio-at-least', value: 0.65 },
    },
    {
      name: 'ingress, secure mode',
      unit,
      values: secure,
      baseline: { name: 'plaintext', values: stored },
      goal: { kind: 'ratio-at-least', value: 0.7 },
    },
    {
      name: 'ingress, p99 at half that load',
      unit: 'ms',
      values: p99,
      goal: { kind: 'at-most', value: 30 },
    },
  ];
};

const inbox = 'wechat.inbound_message';

/** Of the product alone, in plaintext. */
export function ingressRate(lab: Lab, options: { empty: boolean }): Promise<number> {
  return storedRate(lab, inbox, false, () => startProduct('ingress', lab.settings), options);
}

function byHandIngress({ settings }: Lab, stores: boolean, more = {}): Promise<Measured> {
  return startProgram('by-hand-ingress', { ...settings, ...more, STORE: stores ? 'yes' : 'no' });
}

async function storedRate(
  lab: Lab,
  table: string,
  isSecure: boolean,
  start: () => Promise<Measured>,
  options?: { empty: boolean },
): Promise<number> {
  const lastId = async () => {
    const { rows } = await lab.pool.query<{ id: string }>(`select coalesce(max(id), 0) as id from ${table}`);
    return rows[0]?.id ?? '0';
  };
  const rowsSince = async (id: string) => {
    const counting = `select count(*)::int as count from ${table} where id > $1`;
    const { rows } = await lab.pool.query<{ count: number }>(counting, [id]);
    return rows[0]?.count ?? 0;
  };
  return withServer(
    lab,
    isSecure,
    start,
    async (measure) => {
      const before = await lastId();
      const result = await measure();
      // Counted in the table: an answer is nothing, a row is a message.
      return (await rowsSince(before)) / result.seconds;
    },
    options,
  );
}

async function answeredRate(lab: Lab, start: () => Promise<Measured>): Promise<number> {
  return withServer(lab, false, start, async (measure) => {
    const { answered, seconds: took } = await measure();
    return answered / took;
  });
}

async function withServer(
  lab: Lab,
  isSecure: boolean,
  start: () => Promise<Measured>,
  use: (measure: () => ReturnType<typeof load>) => Promise<number>,
  { empty } = { empty: true },
): Promise<number> {
  // Either way no checkpoint is due.
  await (empty ? lab.empty() : lab.pool.query('checkpoint'));
  const server = await start();
  try {
    const { port } = server;
    const run = async (forSeconds: number) => {
      const pushesFile = lab.file('pushes');
      await writePushes(pushesFile, Math.round((pushes * forSeconds) / seconds), isSecure);
      const result = await load(lab.loadTool, { port, pushesFile, connections, seconds: forSeconds });
      if (result.refused > 0) throw new Error(`${result.refused} pushes were refused`);
      return result;
    };
    await run(warmUpSeconds);
    return await use(() => run(seconds));
  } finally {
    await server.stop();
  }
}

/** The p99 of each round, one after the other by the same server. */
async function latenciesAt(lab: Lab, ratePerSecond: number, rounds: number): Promise<number[]> {
  await lab.empty();
  const server = await startProduct('ingress', lab.settings);
  try {
    const pushesFile = lab.file('pushes');
    const at = async (forSeconds: number) => {
      await writePushes(pushesFile, Math.round(ratePerSecond * forSeconds * 1.2), false);
      const options = { port: server.port, pushesFile, connections, seconds: forSeconds, ratePerSecond };
      const result = await generate(options);
      if (result.refused > 0) throw new Error(`${result.refused} pushes were refused`);
      return result.p99;
    };
    await at(warmUpSeconds);
    const p99: number[] = [];
    while (p99.length < rounds) p99.push(await at(seconds));
    return p99;
  } finally {
    await server.stop();
  }
}
