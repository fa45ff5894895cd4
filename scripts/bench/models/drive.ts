import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type CpuClock, createCpuClock, postmasterOf } from '../cpu.ts';
import { connections, type Held, type OpenModel } from './model.ts';
import { sampleArrivals } from './sample.ts';

const messagesInSet = 100;

/** `vacuum` is what the model leaves to clean up; it is no part of an answer. */
export const phases = ['arrive', 'claim', 'look', 'plan', 'settle', 'next', 'vacuum'] as const;
export type Phase = (typeof phases)[number];

export interface Cost {
  /** Of all processes of Postgres, in microseconds a message. */
  cpuUs: number;
  /** In bytes a message. */
  wal: number;
}

export type Costs = Partial<Record<Phase, Cost>>;

/** The worker's part of an answer. */
export const workersPart = ['claim', 'look', 'plan', 'settle', 'next'] as const;
export const wholeAnswer = ['arrive', ...workersPart] as const;

export function sum(costs: Costs, of: readonly Phase[], what: keyof Cost): number {
  return of.reduce((total, phase) => total + (costs[phase]?.[what] ?? 0), 0);
}

/** Measures what Postgres does while `run` runs, its background processes included. */
export async function createMeter(
  pool: pg.Pool,
): Promise<(messages: number, run: () => Promise<void>) => Promise<Cost>> {
  const clock: CpuClock = createCpuClock();
  const postmaster = await postmasterOf(pool);
  const wal = async () => {
    const { rows } = await pool.query<{ bytes: string }>(
      `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes`,
    );
    return Number(rows[0]?.bytes);
  };
  return async (messages, run) => {
    const [walBefore, cpuBefore] = [await wal(), clock.ofTree(postmaster)];
    await run();
    // The writer of the WAL follows relaxed commits.
    await sleep(300);
    const [walAfter, cpuAfter] = [await wal(), clock.ofTree(postmaster)];
    return { cpuUs: ((cpuAfter - cpuBefore) * 1e6) / messages, wal: (walAfter - walBefore) / messages };
  };
}

export type Meter = Awaited<ReturnType<typeof createMeter>>;

/**
 * All messages through one phase after the other, so that each phase's cost is its own. Everything that a phase takes
 * from the one before is at hand when it begins.
 *
 * @param betweenPhases e.g. a checkpoint, after which the first change of a page writes all of it
 */
export async function driveInPhases(
  model: OpenModel,
  meter: Meter,
  count: number,
  betweenPhases = async () => {},
): Promise<Costs> {
  const costs: Costs = {};
  const measured = async <Input, Output>(
    phase: Phase,
    sets: readonly Input[],
    run: (set: Input) => Promise<Output>,
  ) => {
    await betweenPhases();
    let results: Output[] = [];
    costs[phase] = await meter(count, async () => {
      results = await inParallel(sets, run);
    });
    return results;
  };
  await measured('arrive', inSets(sampleArrivals(count, count)), model.arrive);
  await model.analyze();
  let held = await measured('claim', await model.named(), model.claim);
  const { look, next } = model;
  if (look) held = await measured('look', held, look);
  held = await measured('plan', held, model.plan);
  const answered = held.flat().filter(({ deliveryId }) => deliveryId !== '').length;
  if (answered !== count) throw new Error(`${answered} of ${count} messages were claimed and planned`);
  await measured('settle', held, model.settle);
  if (next) await measured('next', held, next);
  costs.vacuum = await meter(count, model.vacuum);
  return costs;
}

/**
 * Claims by the jobs, then answers so many messages one after the other, each in statements of its own: what a message
 * costs that must wait for the one before, whoever's they are. Without arrivals, which come in sets either way.
 */
export async function driveOneByOne(
  model: OpenModel,
  meter: Meter,
  { messages, users, answers }: { messages: number; users: number; answers: number },
): Promise<Cost> {
  for (const set of inSets(sampleArrivals(messages, users))) await model.arrive(set);
  await model.analyze();
  const named = await model.named();
  const claimed: Held[] = [];
  const claims = await meter(messages, async () => {
    for (const ids of named) claimed.push(...(await model.claim(ids)));
  });
  const walk = await meter(answers, async () => {
    let answered = 0;
    for (let held = claimed.splice(0, 1); held.length > 0 && answered < answers; ) {
      if (model.look) held = await model.look(held);
      held = await model.plan(held);
      answered += held.length;
      const kept = await model.settle(held);
      held = model.next ? await model.next(held) : kept;
      if (held.length === 0) held = claimed.splice(0, 1);
    }
    if (answered !== answers) throw new Error(`${answered} of ${answers} messages were answered`);
  });
  return { cpuUs: claims.cpuUs + walk.cpuUs, wal: claims.wal + walk.wal };
}

function inSets<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / messagesInSet) }, (_, nth) =>
    items.slice(nth * messagesInSet, (nth + 1) * messagesInSet),
  );
}

async function inParallel<Input, Output>(
  sets: readonly Input[],
  run: (set: Input) => Promise<Output>,
): Promise<Output[]> {
  const results: Output[] = [];
  let taken = 0;
  const work = async () => {
    for (let nth = taken++; nth < sets.length; nth = taken++) {
      const set = sets[nth];
      if (set !== undefined) results[nth] = await run(set);
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  return results;
}
