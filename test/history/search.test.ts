import { expect, onTestFinished, test } from 'vitest';
import { findDeliveries } from '../../src/history/deliveries.js';
import type { ListFilter } from '../../src/history/filter.js';
import { findMessages } from '../../src/history/messages.js';
import { type SearchedPage, search } from '../../src/history/search.js';
import { createTestDatabase } from '../support/database.js';
import { storeYear } from '../support/history.js';

const dayMs = 86_400_000;
const states = ['sent', 'failed', 'settled', 'pending'];

async function aYear() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await storeYear(database.pool, 'wxyear', 1_000);
  const { pool } = database;
  const messages = (filter: ListFilter, longestMs: number) =>
    search(pool, filter, {
      ...{ table: 'inbound_message', column: 'received_at', find: (part) => findMessages(pool, part) },
      ...{ longestMs, firstStep: 100 },
    });
  const deliveries = (filter: ListFilter, longestMs: number) =>
    search(pool, filter, {
      ...{ table: 'delivery', column: 'created_at', find: (part) => findDeliveries(pool, part) },
      ...{ longestMs, firstStep: 100 },
    });
  return { pool, messages, deliveries };
}

/** Page after page, as a person goes on. */
async function all(read: (before: string | undefined) => Promise<SearchedPage<{ id: string }>>) {
  const ids: string[] = [];
  const sizes: number[] = [];
  for (let before: string | undefined; ; ) {
    const { rows, next } = await read(before);
    ids.push(...rows.map(({ id }) => id));
    sizes.push(rows.length);
    if (next === null) return { ids, sizes };
    before = next;
  }
}

test.each([0, 10_000])(
  'page by page a search finds what one look finds, each once (%i ms a page)',
  async (longestMs) => {
    const { pool, messages, deliveries } = await aYear();
    const since = new Date(Date.now() - 200 * dayMs);
    const until = new Date(Date.now() - 20 * dayMs);
    const filters: Partial<ListFilter>[] = [
      { text: 'question 7' },
      { text: 'question 7', account: 'wxyear', until },
      { text: 'nobody said this' },
      { type: 'event:click' },
    ];
    for (const some of filters) {
      const filter = { states, since, limit: 7, ...some };
      const whole = { ...filter, limit: 5_000 };
      const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);
      const { ids, sizes } = await all((before) => messages({ ...filter, before }, longestMs));
      expect(ids).toEqual(idsOf(await findMessages(pool, whole)));
      expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
      const { ids: sent } = await all((before) => deliveries({ ...filter, before }, longestMs));
      expect(sent).toEqual(idsOf(await findDeliveries(pool, whole)));
    }
  },
);

test('what is nowhere takes no longer than is allowed: the page says where to go on', async () => {
  const { messages } = await aYear();
  const filter = { states, since: new Date(0), limit: 50, text: 'nobody said this' };
  const { rows, next } = await messages(filter, 0);
  expect(rows).toEqual([]);
  expect(next).toBe('901');
  expect(await messages(filter, 10_000)).toEqual({ rows: [], next: null });
});

test('where there is nothing at all there is nothing to go on with', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const filter = { states, since: new Date(0), limit: 50, text: 'x' };
  const options = { table: 'delivery', column: 'created_at' } as const;
  expect(
    await search(database.pool, filter, { ...options, find: (part) => findDeliveries(database.pool, part) }),
  ).toEqual({ rows: [], next: null });
});
