import { describe, expect, test } from 'vitest';
import { coalesce } from '../../src/lib/batcher.js';
import { waitFor } from '../support/wait.js';

/** Statements that end when the test says so. */
function createStatements() {
  const runs: { items: readonly number[]; end(error?: Error): void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<number[]>((resolve, reject) => {
      runs.push({ items, end: (error) => (error ? reject(error) : resolve(items.map((item) => item * 10))) });
    });
  return { runs, run };
}

/** Time for what was scheduled by now, and for what that schedules. */
async function turn(): Promise<void> {
  for (let times = 0; times < 2; times += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('coalesced writes', () => {
  test('go out at once when nothing is under way, and together when something is', async () => {
    const { runs, run } = createStatements();
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
    await turn();
    expect(writes.size).toBe(0);
  });

  test('wait for company where nobody waits for them', async () => {
    const { runs, run } = createStatements();
    const writes = coalesce({ run, maxItems: 100, maxConcurrent: 1, lingerMs: 20 });
    const startedAt = performance.now();
    const first = writes.add(1);
    await turn();
    const second = writes.add(2);
    expect(runs).toEqual([]);
    await waitFor('the statement', () => Promise.resolve(runs.length > 0));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(19);
    expect(runs.map(({ items }) => items)).toEqual([[1, 2]]);
    runs[0]?.end();
    expect(await Promise.all([first, second])).toEqual([10, 20]);
  });

  test('are bounded in size and in number', async () => {
    const { runs, run } = createStatements();
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

  test('fail alone: one that is refused takes no other with it', async () => {
    const runs: (readonly number[])[] = [];
    const writes = coalesce({
      async run(items: readonly number[]) {
        runs.push(items);
        if (items.includes(13)) throw new Error('refused');
        return items.map((item) => item * 10);
      },
      maxItems: 10,
      maxConcurrent: 1,
    });
    const results = await Promise.allSettled([writes.add(1), writes.add(13), writes.add(2)]);
    expect(results).toEqual([
      { status: 'fulfilled', value: 10 },
      { status: 'rejected', reason: new Error('refused') },
      { status: 'fulfilled', value: 20 },
    ]);
    expect(runs).toEqual([[1, 13, 2], [1], [13], [2]]);
    expect(await writes.add(3)).toBe(30);
    await turn();
    expect(writes.size).toBe(0);
  });
});
