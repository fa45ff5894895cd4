import { describe, expect, onTestFinished, test } from 'vitest';
import { batchFailure } from '../../src/db/errors.js';
import { createPool } from '../../src/db/pool.js';
import { createBatcher, type Failure } from '../../src/lib/batcher.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
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

describe('writes', () => {
  test('go out at once when nothing is under way, and together when something is', async () => {
    const { runs, run } = createStatements();
    const writes = createBatcher({ run, maxItems: 100, maxConcurrent: 1 });
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

  test('go beside another where they are enough, and share the next where they are few', async () => {
    const { runs, run } = createStatements();
    const writes = createBatcher({ run, maxItems: 100, maxConcurrent: 2, besideItems: 3 });
    const all = [writes.add(1)];
    await turn();
    all.push(writes.add(2), writes.add(3));
    await turn();
    expect(runs.map(({ items }) => items)).toEqual([[1]]);
    all.push(writes.add(4));
    await turn();
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3, 4]]);
    all.push(writes.add(5));
    await turn();
    runs[1]?.end();
    await all[3];
    await turn();
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3, 4]]);
    runs[0]?.end();
    await all[0];
    await turn();
    expect(runs[2]?.items).toEqual([5]);
    runs[2]?.end();
    expect(await Promise.all(all)).toEqual([10, 20, 30, 40, 50]);
  });

  test('do not wait for company for long beside one that takes long, such as for a lock', async () => {
    const { runs, run } = createStatements();
    const writes = createBatcher({ run, maxItems: 100, maxConcurrent: 2, besideItems: 3 });
    const startedAt = performance.now();
    const first = writes.add(1);
    await turn();
    const few = [writes.add(2), writes.add(3)];
    await waitFor('the second statement', () => Promise.resolve(runs.length === 2));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
    expect(runs[1]?.items).toEqual([2, 3]);
    runs[1]?.end();
    expect(await Promise.all(few)).toEqual([20, 30]);
    runs[0]?.end();
    expect(await first).toBe(10);
    // Nobody is late beside one that has ended.
    const last = writes.add(4);
    await turn();
    expect(runs[2]?.items).toEqual([4]);
    runs[2]?.end();
    expect(await last).toBe(40);
  });

  test('wait for company where nobody waits for them', async () => {
    const { runs, run } = createStatements();
    const writes = createBatcher({ run, maxItems: 100, maxConcurrent: 1, lingerMs: 20 });
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
    const writes = createBatcher({ run, maxItems: 2, maxConcurrent: 2 });
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
    const writes = createBatcher({
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

class Failed extends Error {
  constructor(readonly failure: Failure) {
    super(failure);
  }
}
const classify = (error: unknown) => (error instanceof Failed ? error.failure : 'refused');

describe('a database', () => {
  test('that is away is waited for, and nothing is lost or split', async () => {
    const sets: number[] = [];
    let isAway = true;
    const writes = createBatcher({
      async run(items: readonly number[]) {
        sets.push(items.length);
        if (isAway) throw new Failed('away');
        return items;
      },
      classify,
      maxItems: 100,
      maxConcurrent: 2,
      pauseMs: () => 5,
    });
    const first = [writes.add(1), writes.add(2)];
    await waitFor('some tries', () => sets.length >= 3);
    expect(new Set(sets)).toEqual(new Set([2]));
    const later = writes.add(3);
    isAway = false;
    expect(await Promise.all([...first, later])).toEqual([1, 2, 3]);
    await waitFor('nothing to be left', () => writes.size === 0);
  });

  test('that is away when all is given up refuses what is left, after one more try', async () => {
    const giveUp = new AbortController();
    let tries = 0;
    const writes = createBatcher({
      async run() {
        tries += 1;
        throw new Failed('away');
      },
      classify,
      maxItems: 10,
      maxConcurrent: 1,
      pauseMs: () => 60_000,
      giveUp: giveUp.signal,
    });
    const ends = Promise.allSettled([writes.add(1), writes.add(2)]);
    await waitFor('the first try', () => tries === 1);
    giveUp.abort();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(tries).toBe(2);
  });

  test('that is too slow for a set gets smaller ones, and larger ones again when it is quick', async () => {
    const sets: number[] = [];
    let most = 3;
    const writes = createBatcher({
      async run(items: readonly number[]) {
        sets.push(items.length);
        if (items.length > most) throw new Failed('slow');
        return items;
      },
      classify,
      maxItems: 8,
      maxConcurrent: 1,
    });
    const send = (count: number) =>
      Promise.all(Array.from({ length: count }, (_, index) => writes.add(index)));
    await send(8);
    expect(sets.slice(0, 3)).toEqual([8, 4, 2]);
    most = 100;
    await send(16);
    await send(16);
    expect(sets.at(-1)).toBe(8);
  });

  test('that met a conflict is asked once more', async () => {
    const sets: number[] = [];
    const writes = createBatcher({
      async run(items: readonly number[]) {
        sets.push(items.length);
        if (sets.length === 1) throw new Failed('conflict');
        return items;
      },
      classify,
      maxItems: 8,
      maxConcurrent: 1,
    });
    expect(await Promise.all([writes.add(1), writes.add(2)])).toEqual([1, 2]);
    expect(sets).toEqual([2, 2]);
  });
});

/** A table of numbered rows, and writes to it that give a lock up soon. */
async function lockableRows() {
  const database: TestDatabase = await createTestDatabase();
  onTestFinished(() => database.drop());
  await database.pool.query(
    'create table public.account (id int primary key, touched int not null default 0); insert into account select generate_series(1, 200)',
  );
  const pool = createPool({
    connectionString: database.url,
    name: 'test',
    max: 2,
    statementTimeoutMs: 5_000,
    lockTimeoutMs: 150,
    onError: () => undefined,
  });
  onTestFinished(() => pool.end());
  const statements: number[] = [];
  const writes = createBatcher<number, number>({
    async run(ids) {
      statements.push(ids.length);
      await pool.query('update public.account set touched = touched + 1 where id = any($1)', [ids]);
      return ids;
    },
    classify: batchFailure,
    maxItems: 500,
    maxConcurrent: 1,
  });
  const locker = await database.pool.connect();
  onTestFinished(() => locker.release());
  return { writes, statements, locker };
}

describe('a row that somebody has locked', () => {
  test('holds up the one item that needs it; the others pass, and so do later ones', async () => {
    const { writes, statements, locker } = await lockableRows();
    await locker.query('begin; update public.account set touched = -1 where id = 7');
    const settled = new Set<number>();
    const all = Array.from({ length: 100 }, (_, index) =>
      writes.add(index + 1).then((id) => settled.add(id)),
    );
    await waitFor('all others to be written', () => settled.size === 99);
    expect(settled.has(7)).toBe(false);
    // While it is tried again and again, nothing else is tried with it.
    const before = statements.length;
    const startedAt = performance.now();
    for (let id = 101; id <= 120; id += 1) await writes.add(id);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(statements.slice(before).every((size) => size === 1)).toBe(true);
    await waitFor('nothing else to be left', () => writes.size === 1);
    await locker.query('rollback');
    await Promise.all(all);
    expect(settled.has(7)).toBe(true);
  });

  test('is one of many: what is free passes, and the rest follows when the lock is gone', async () => {
    const { writes, locker } = await lockableRows();
    await locker.query('begin; update public.account set touched = -1 where id % 2 = 0 and id <= 40');
    const settled = new Set<number>();
    const all = Array.from({ length: 40 }, (_, index) => writes.add(index + 1).then((id) => settled.add(id)));
    await waitFor('what is free to be written', () => settled.size === 20, 40_000);
    expect([...settled].every((id) => id % 2 === 1)).toBe(true);
    const startedAt = performance.now();
    expect(await writes.add(199)).toBe(199);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await locker.query('commit');
    await Promise.all(all);
    await waitFor('nothing to be left', () => writes.size === 0);
  });
});
