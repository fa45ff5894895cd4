import { availableParallelism } from 'node:os';
import type { Benchmark } from './benchmark.ts';
import type { Lab } from './lab.ts';
import { generate, load } from './load.ts';
import { type Measured, startProduct, startProgram } from './processes.ts';
import { account, writePushes } from './pushes.ts';
import { median } from './statistics.ts';

const connections = 512;
const seconds = 3;
const turnsARound = 3;
/**
 * Until the JIT has compiled what is hot, for all alike: on a slow machine a process under full load still spends a third of its
 * time on that in the fifth second, which a service that runs for weeks never sees again.
 */
const warmUpSeconds = 8;
/** More than any of them takes. */
const pushesASecond = 15_000;

/**
 * Messages a second that are stored with their job before they are answered.
 *
 * All servers are up and warm before any is measured, and each is measured in turn for some seconds, again and again: what
 * else happens on the machine then meets all alike.
 */
export const ingress: Benchmark = async (lab, { rounds }, progress) => {
  await lab.empty();
  const contenders = await startContenders(lab);
  try {
    for (const { run } of contenders.all) await run(warmUpSeconds);
    for (let turn = 1; turn <= rounds * turnsARound; turn += 1) {
      await lab.pool.query('checkpoint');
      for (const { name, rates, run } of contenders.all) {
        const rate = await run(seconds);
        rates.push(rate);
        progress(`turn ${turn}: ${name}: ${Math.round(rate).toLocaleString('en')} messages/s`);
      }
    }
  } finally {
    for (const { stop } of contenders.all) await stop();
  }
  const stored = roundsOf(contenders.one);
  const halfLoad = median(stored) / 2;
  const p99 = await latenciesAt(lab, halfLoad, rounds);
  progress(
    `p99 at ${Math.round(halfLoad)} messages/s: ${p99.map((value) => value.toFixed(1)).join(', ')} ms`,
  );
  const unit = 'messages/s';
  const naive = {
    name: 'one transaction a message, a process a core',
    values: roundsOf(contenders.byHand),
  };
  return [
    {
      name: 'ingress, 512 connections, a process a core',
      unit,
      values: roundsOf(contenders.aProcessACore),
      baseline: naive,
      goal: { kind: 'ratio-at-least', value: 10 },
    },
    { name: 'ingress, one process', unit, values: stored, baseline: naive },
    {
      name: 'ingress, one process',
      unit,
      values: stored,
      baseline: { name: 'bare Koa, stores nothing', values: roundsOf(contenders.bare) },
      goal: { kind: 'ratio-at-least', value: 0.65 },
    },
    {
      name: 'ingress, secure mode',
      unit,
      values: roundsOf(contenders.secure),
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

/** A server that is measured beside others. */
interface Contender {
  name: string;
  /** Of its turns so far, in messages a second. */
  rates: number[];
  /** Puts it under full load, and tells what it stored, or answered, a second. */
  run(forSeconds: number): Promise<number>;
  stop(): Promise<void>;
}

async function startContenders(lab: Lab) {
  const aCore = { PROCESSES: String(availableParallelism()) };
  const aesKey = { WECHAT_ENCODING_AES_KEY: account.encodingAesKey };
  const product = (more = {}) => startProduct('ingress', { ...lab.settings, ...more });
  const all: Contender[] = [];
  const add = async (
    name: string,
    starting: Promise<Measured>,
    options: { table?: string; isSecure?: boolean },
  ) => {
    const { port, stop } = await starting;
    const one = { name, rates: [], run: (forSeconds: number) => runAt(lab, port, forSeconds, options), stop };
    all.push(one);
    return one;
  };
  const byHand = { table: 'by_hand.message' };
  return {
    byHand: await add('by hand, a process a core', byHandIngress(lab, true, aCore), byHand),
    aProcessACore: await add('product, a process a core', product(aCore), { table: inbox }),
    bare: await add('bare Koa that stores nothing', byHandIngress(lab, false), {}),
    one: await add('product, one process', product(), { table: inbox }),
    secure: await add('product, secure mode', product(aesKey), { table: inbox, isSecure: true }),
    all,
  };
}

/** The mean of each round's turns. */
function roundsOf({ rates }: Contender): number[] {
  const means: number[] = [];
  for (let from = 0; from < rates.length; from += turnsARound) {
    const turns = rates.slice(from, from + turnsARound);
    means.push(turns.reduce((sum, rate) => sum + rate, 0) / turns.length);
  }
  return means;
}

const inbox = 'wechat.inbound_message';

/** Of the product alone, in plaintext. */
export async function ingressRate(lab: Lab, { empty }: { empty: boolean }): Promise<number> {
  // Either way no checkpoint is due.
  await (empty ? lab.empty() : lab.pool.query('checkpoint'));
  const { port, stop } = await startProduct('ingress', lab.settings);
  try {
    await runAt(lab, port, warmUpSeconds, { table: inbox });
    return await runAt(lab, port, seconds, { table: inbox });
  } finally {
    await stop();
  }
}

function byHandIngress({ settings }: Lab, stores: boolean, more = {}): Promise<Measured> {
  return startProgram('by-hand-ingress', { ...settings, ...more, STORE: stores ? 'yes' : 'no' });
}

/** Counted in the table, if there is one: an answer is nothing, a row is a message. */
async function runAt(
  lab: Lab,
  port: number,
  forSeconds: number,
  { table, isSecure = false }: { table?: string; isSecure?: boolean },
): Promise<number> {
  const pushesFile = lab.file('pushes');
  await writePushes(pushesFile, Math.round(pushesASecond * forSeconds), isSecure);
  const before = table === undefined ? undefined : await lastIdOf(lab, table);
  const result = await load(lab.loadTool, { port, pushesFile, connections, seconds: forSeconds });
  if (result.refused > 0) throw new Error(`${result.refused} pushes were refused`);
  if (table === undefined || before === undefined) return result.answered / result.seconds;
  const counting = `select count(*)::int as count from ${table} where id > $1`;
  const { rows } = await lab.pool.query<{ count: number }>(counting, [before]);
  return (rows[0]?.count ?? 0) / result.seconds;
}

async function lastIdOf(lab: Lab, table: string): Promise<string> {
  const { rows } = await lab.pool.query<{ id: string }>(`select coalesce(max(id), 0) as id from ${table}`);
  return rows[0]?.id ?? '0';
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
