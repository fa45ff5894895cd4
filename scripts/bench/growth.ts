import type { Benchmark } from './benchmark.ts';
import { ingressRate } from './ingress.ts';
import type { Lab } from './lab.ts';
import { deleteMessagesAfter, lastMessageId, settleWaiting, storeHistory } from './messages.ts';
import { type DrainResult, drain } from './worker.ts';

const messages = 48_000;

/** The same load on empty tables and after years of history, in turn: a machine's speed changes within minutes. */
export const history: Benchmark = async (lab, { rounds, history: millions }, progress) => {
  const old = await lab.openAnother();
  await storeHistory(old, millions * 1e6, (stored) =>
    progress(`history: ${stored.toLocaleString('en')} messages`),
  );
  const ingressEmpty: number[] = [];
  const workerEmpty: number[] = [];
  const ingressFull: number[] = [];
  const workerFull: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const measure = async (where: Lab, ingress: number[], worker: number[], what: string, empty: boolean) => {
      ingress.push(await ingressRate(where, { empty }));
      // What the ingress stored is settled as it is: only the history shall differ.
      await settleWaiting(where);
      const last = await lastMessageId(where);
      worker.push((await drain(where, { messages, empty })).rate);
      await deleteMessagesAfter(where, last);
      progress(
        `round ${round}, ${what}: ${Math.round(ingress.at(-1) ?? 0)} messages/s in, ${Math.round(worker.at(-1) ?? 0)} replies/s out`,
      );
    };
    await measure(lab, ingressEmpty, workerEmpty, 'empty tables', true);
    await measure(old, ingressFull, workerFull, `${millions} million messages`, false);
  }
  const goal = { kind: 'ratio-at-least', value: 0.9 } as const;
  const baseline = (values: number[]) => ({ name: 'empty tables', values });
  return [
    {
      name: `ingress, ${millions} million of history`,
      unit: 'messages/s',
      values: ingressFull,
      baseline: baseline(ingressEmpty),
      goal,
    },
    {
      name: `worker, ${millions} million of history`,
      unit: 'replies/s',
      values: workerFull,
      baseline: baseline(workerEmpty),
      goal,
    },
  ];
};

/** What docs/run.md advises where memory is scarce. */
const smallHeap = { NODE_OPTIONS: '--max-semi-space-size=8 --max-old-space-size=200' };

/** A large backlog is drained as fast as a small one, in bounded memory. */
export const backlog: Benchmark = async (lab, { rounds, backlog: thousands }, progress) => {
  const small: DrainResult[] = [];
  const large: DrainResult[] = [];
  const frugal: DrainResult[] = [];
  for (let round = 1; round <= Math.min(rounds, 2); round += 1) {
    small.push(await drain(lab, { messages }));
    large.push(await drain(lab, { messages: thousands * 1_000 }));
    frugal.push(await drain(lab, { messages: thousands * 1_000, settings: smallHeap }));
    const [few, many, less] = [small.at(-1), large.at(-1), frugal.at(-1)].map((one) =>
      Math.round(one?.rate ?? 0),
    );
    progress(
      `round ${round}: ${few} replies/s with ${messages} waiting, ${many} with ${thousands}000, ${less} in a small heap`,
    );
  }
  const name = `worker, backlog of ${thousands},000`;
  const ratesOf = (results: readonly DrainResult[]) => results.map(({ rate }) => rate);
  const memoryOf = (results: readonly DrainResult[]) => results.map(({ peakMb }) => peakMb);
  return [
    {
      ...{ name, unit: 'replies/s', values: ratesOf(large) },
      baseline: { name: `backlog of ${messages}`, values: ratesOf(small) },
      goal: { kind: 'ratio-at-least', value: 0.9 },
    },
    { name: `${name}, memory`, unit: 'MB', values: memoryOf(large) },
    {
      ...{ name: `${name}, small heap`, unit: 'replies/s', values: ratesOf(frugal) },
      baseline: { name: 'the same with the heap that Node takes', values: ratesOf(large) },
    },
    {
      ...{ name: `${name}, small heap, memory`, unit: 'MB', values: memoryOf(frugal) },
      goal: { kind: 'at-most', value: 250 },
    },
  ];
};

/** Two worker processes beside one; what they can gain depends on the cores. */
export const scale: Benchmark = async (lab, { rounds }, progress) => {
  const one: number[] = [];
  const two: number[] = [];
  for (let round = 1; round <= Math.min(rounds, 2); round += 1) {
    one.push((await drain(lab, { messages })).rate);
    two.push((await drain(lab, { messages, processes: 2 })).rate);
    progress(
      `round ${round}: one ${Math.round(one.at(-1) ?? 0)}, two ${Math.round(two.at(-1) ?? 0)} replies/s`,
    );
  }
  return [
    {
      name: 'two worker processes',
      unit: 'replies/s',
      values: two,
      baseline: { name: 'one process', values: one },
    },
  ];
};
