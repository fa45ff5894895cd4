import { describe, expect, test } from 'vitest';
import { coalesce } from '../../src/db/coalesce.js';

/** Statements that end when the test says so. */
function createStatements() {
  const runs: { items: readonly number[]; end(error?: Error): void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<number[]>((resolve, reject) => {
      runs.push({ items, end: (error) => (error ? reject(error) : resolve(items.map((item) => item * 10))) });
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { runs, run, turn };
}

describe('coalesced writes', () => {
  test('go out at once when nothing is under way, and together when something is', async () => {
    const { runs, run, turn } = createStatements();
    const writes = coalesce({ run, maxItems: 100, maxConcurrent: 1 });
    const first = writes.add(1);
    await turn();
    const later = [writes.add(2), writes.add(3)];
    await turn();
    expect(runs.map(({ items }) => items)).toEqual([[1]]);
    runs[0]?.end();
    expect(await first).toBe(10);
    await turn();
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3]]);
    runs[1]?.end();
    expect(await Promise.all(later)).toEqual([20, 30]);
    expect(writes.size).toBe(0);
  });

  test('are bounded in size and in number', async () => {
    const { runs, run, turn } = createStatements();
    const writes = coalesce({ run, maxItems: 2, maxConcurrent: 2 });
    const all = [1, 2, 3, 4, 5].map((item) => writes.add(item));
    await turn();
    expect(runs.map(({ items }) => items)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    runs[0]?.end();
    await all[0];
    await turn();
    expect(runs[2]?.items).toEqual([5]);
    for (const { end } of runs) end();
    expect(await Promise.all(all)).toEqual([10, 20, 30, 40, 50]);
  });

  test('fail together, and the next go on', async () => {
    const { runs, run, turn } = createStatements();
    const writes = coalesce({ run, maxItems: 10, maxConcurrent: 1 });
    const failing = Promise.allSettled([writes.add(1), writes.add(2)]);
    await turn();
    runs[0]?.end(new Error('disk full'));
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const next = writes.add(3);
    await turn();
    runs[1]?.end();
    expect(await next).toBe(30);
  });
});
