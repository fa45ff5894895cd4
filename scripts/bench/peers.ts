import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Benchmark } from './benchmark.ts';
import type { Counts, Lab } from './lab.ts';
import { type LoadResult, load } from './load.ts';
import { type Contender, type ContenderKey, openContenders, type Role } from './peers/contenders.ts';
import type { Measured } from './processes.ts';
import { textXml, toPush, writePushes } from './pushes.ts';
import type { Goal, Measure } from './report.ts';

const connections = 512;
const turnsARound = 3;
/** As in the benchmark of the ingress. */
const warmUpSeconds = 8;
/** Of a turn the first is not counted: connections are opened in it. */
const [turnSeconds, skipSeconds] = [4, 1];
/** Who refuses more is overloaded, and what it accepts tells nothing. A refused push counts for nothing. */
const bearableRefusals = 0.01;
/** More than any of them takes. */
const pushesASecond = 15_000;

/** A contender whose server is up. */
interface Running {
  contender: Contender;
  server: Measured;
  /** Of its turns so far. */
  rates: number[];
  answered: number;
}

type Figures = ReadonlyMap<Contender, readonly number[]>;

/**
 * The product beside what one would otherwise build the same on: a webhook that checks the signature, parses, stores and answers, and
 * a worker that sends one message and keeps the result. One process each, all on this machine.
 *
 * All are up and warm before any is measured, and they take turns: what else happens on the machine meets all alike. After each
 * turn every message that was accepted must be stored once, and after the turns with both roles be sent once, with its result.
 */
export const peers: Benchmark = async (lab, { rounds }, progress) => {
  const contenders = await openContenders(lab);
  const turns = rounds * turnsARound;
  const stored = await inTurn(lab, contenders, 'ingress', turns, progress);
  const answered = await inTurn(lab, contenders, 'all', turns, progress);
  return [
    ...besideProduct('ingress, one process', 'messages/s', stored, { bullAlways: 1.6, pgBoss: 5 }),
    ...besideProduct('push to result, one process', 'answers/s', answered, { bullAlways: 0.8, pgBoss: 4 }),
  ];
};

function besideProduct(
  name: string,
  unit: string,
  figures: Figures,
  goals: Readonly<Partial<Record<ContenderKey, number>>>,
): Measure[] {
  const all = [...figures];
  const values = all.find(([{ key }]) => key === 'product')?.[1] ?? [];
  return all
    .filter(([{ key }]) => key !== 'product')
    .map(([contender, rates]) => {
      const value = goals[contender.key];
      const goal: { goal?: Goal } = value === undefined ? {} : { goal: { kind: 'ratio-at-least', value } };
      return { name, unit, values, baseline: { name: contender.name, values: rates }, ...goal };
    });
}

/** The rates of all, by round. */
async function inTurn(
  lab: Lab,
  contenders: readonly Contender[],
  role: Role,
  turns: number,
  progress: (what: string) => void,
): Promise<Figures> {
  await lab.empty();
  for (const { store } of contenders) await store?.empty?.();
  await lab.resetCounts();
  const running: Running[] = [];
  try {
    for (const contender of contenders) {
      running.push({ contender, server: await contender.start(role), rates: [], answered: 0 });
    }
    const measure = role === 'ingress' ? storedASecond : answeredASecond;
    for (const one of running) {
      await measure(lab, one, warmUpSeconds);
      progress(`${role}: ${one.contender.name} is warm`);
    }
    for (let turn = 1; turn <= turns; turn += 1) {
      await lab.pool.query('checkpoint');
      for (const one of running) {
        const rate = await measure(lab, one, turnSeconds);
        one.rates.push(rate);
        progress(`${role}, turn ${turn}: ${one.contender.name}: ${Math.round(rate).toLocaleString('en')}/s`);
      }
    }
    for (const one of running) await checkRepeat(one);
  } finally {
    for (const { server } of running) await server.stop();
  }
  return new Map(running.map(({ contender, rates }) => [contender, roundsOf(rates)]));
}

/** The mean of each round's turns. */
function roundsOf(rates: readonly number[]): number[] {
  return Array.from({ length: rates.length / turnsARound }, (_, round) => {
    const turns = rates.slice(round * turnsARound, (round + 1) * turnsARound);
    return turns.reduce((sum, rate) => sum + rate, 0) / turns.length;
  });
}

async function storedASecond(lab: Lab, one: Running, seconds: number): Promise<number> {
  const { answered, seconds: counted } = await push(lab, one, seconds);
  await checkStored(one);
  return answered / counted;
}

/** From the first push until the last of what was pushed is sent; then every result must be on record. */
async function answeredASecond(lab: Lab, one: Running, seconds: number): Promise<number> {
  const { store, name } = one.contender;
  const before = store && (await store.count());
  await lab.resetCounts();
  const startedAt = performance.timeOrigin + performance.now();
  const { answeredInAll } = await push(lab, one, seconds);
  if (!store || before === undefined) {
    await lab.waitForSends(answeredInAll);
    const { sends, lastAt } = await lastSends(lab);
    return sends / ((lastAt - startedAt) / 1_000);
  }
  // What was on its way when the load ended may still be stored.
  let stored = await store.count();
  for (;;) {
    await lab.waitForSends(stored - before);
    const now = await store.count();
    if (now === stored) break;
    stored = now;
  }
  await checkStored(one);
  const { sends, lastAt } = await lab.counts();
  if (sends !== stored - before) throw new Error(`${name}: ${stored - before} messages, ${sends} sends`);
  await waitForResults(one);
  return sends / ((lastAt - startedAt) / 1_000);
}

/** What nobody stored may be sent late, and must not be taken for the next one's. */
async function lastSends(lab: Lab): Promise<Counts> {
  for (let before = await lab.counts(); ; ) {
    await sleep(1_000);
    const now = await lab.counts();
    if (now.sends === before.sends) return now;
    before = now;
  }
}

async function push(lab: Lab, one: Running, seconds: number): Promise<LoadResult> {
  const pushesFile = lab.file('pushes');
  await writePushes(pushesFile, Math.round(pushesASecond * seconds), false);
  const { port } = one.server;
  const result = await load(lab.loadTool, { port, pushesFile, connections, seconds, skipSeconds });
  if (result.refused > result.answeredInAll * bearableRefusals)
    throw new Error(`${one.contender.name}: ${result.refused} pushes were refused`);
  one.answered += result.answeredInAll;
  return result;
}

/** Each that was accepted, and each once. */
async function checkStored({ contender: { store, name }, answered }: Running): Promise<void> {
  if (!store) return;
  const { messages, distinct } = await store.check();
  if (messages < answered) throw new Error(`${name}: ${answered} accepted, ${messages} stored`);
  if (distinct < messages) throw new Error(`${name}: ${messages - distinct} messages are stored twice`);
}

async function waitForResults({ contender: { store, name } }: Running): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await store?.check();
    if (!found || found.results === found.messages) return;
    if (Date.now() > deadline)
      throw new Error(`${name}: ${found.messages} messages, ${found.results} results on record`);
    await sleep(100);
  }
}

/** WeChat repeats a push that was not answered in time: it must be one message all the same. */
async function checkRepeat({ contender: { store, name }, server }: Running): Promise<void> {
  if (!store) return;
  const before = await store.count();
  const { path, body } = toPush(textXml('oRepeat'), false);
  for (let nth = 0; nth < 2; nth += 1) {
    const options = { method: 'POST', headers: { 'content-type': 'text/xml' }, body } as const;
    const response = await request(`http://127.0.0.1:${server.port}${path}`, options);
    await response.body.dump();
    if (response.statusCode !== 200)
      throw new Error(`${name}: a push was answered with ${response.statusCode}`);
  }
  const added = (await store.count()) - before;
  if (added !== 1) throw new Error(`${name}: a push that was repeated was stored ${added} times`);
}
