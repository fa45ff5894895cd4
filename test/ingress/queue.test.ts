import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createCommitGroup } from '../../src/ingress/queue.js';
import { createArrive } from '../../src/outbox/arrive.js';
import { createTestDatabase } from '../support/database.js';
import { textMessage } from '../support/messages.js';
import { waitFor } from '../support/wait.js';

test('messages that arrive together share a statement and a job', async () => {
  const database = await createTestDatabase();
  const groups: number[] = [];
  const inbox = createCommitGroup({
    arrive: createArrive(database.pool),
    maxConcurrent: 1,
    onGroup: (size) => groups.push(size),
  });
  const messages = Array.from({ length: 50 }, (_, index) => textMessage({ openid: `o${index}` }));
  const results = await Promise.all(
    messages.map((message) => inbox.commit({ appId: 'wx1', ordered: true, message })),
  );
  expect(results).toEqual(Array(50).fill({ kind: 'stored' }));
  expect(groups).toEqual([50]);
  expect(
    await database.rows(
      "select json_array_length(payload -> 'ids') as ids from graphile_worker._private_jobs",
    ),
  ).toEqual([{ ids: 50 }]);
  await database.drop();
});

test('under load Postgres stores what has arrived while more is taken in', async () => {
  const groups: number[] = [];
  const inbox = createCommitGroup({
    arrive: async (arrivals) => {
      groups.push(arrivals.length);
      return arrivals.map(() => 'stored' as const);
    },
    fullGroup: 3,
    maxConcurrent: 3,
    maxConcurrentSmall: 1,
  });
  // All in one turn of the event loop.
  const commit = () => inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() });
  const first = [commit(), commit()];
  expect(groups).toEqual([]);
  const second = Array.from({ length: 7 }, commit);
  expect(groups).toEqual([3, 3, 3]);
  // No more at once than Postgres can use: these go together when one of those is through.
  const third = Array.from({ length: 5 }, commit);
  expect(groups).toEqual([3, 3, 3]);
  expect(await Promise.all([...first, ...second, ...third])).toEqual(Array(14).fill({ kind: 'stored' }));
  expect(groups).toEqual([3, 3, 3, 5]);
});

test('a few that arrive while a statement is under way wait for it, and share the next', async () => {
  const groups: number[] = [];
  let finish = () => {};
  const inbox = createCommitGroup({
    async arrive(arrivals) {
      groups.push(arrivals.length);
      if (groups.length === 1) await new Promise<void>((resolve) => (finish = resolve));
      return arrivals.map(() => 'stored' as const);
    },
    fullGroup: 3,
    maxConcurrentSmall: 1,
  });
  const commit = () => inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() });
  const first = commit();
  await waitFor('the first to be under way', () => groups.length === 1);
  const few = [commit()];
  await setImmediate();
  few.push(commit());
  await setImmediate();
  expect(groups).toEqual([1]);
  // A full one waits for nobody, and takes along who waits.
  const full = commit();
  expect(groups).toEqual([1, 3]);
  finish();
  expect(await Promise.all([first, ...few, full])).toEqual(Array(4).fill({ kind: 'stored' }));
  expect(groups).toEqual([1, 3]);
});

test('one message that Postgres refuses does not take its group with it', async () => {
  const database = await createTestDatabase();
  const inbox = createCommitGroup({ arrive: createArrive(database.pool), maxConcurrent: 1 });
  const good = () => inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() });
  const results = await Promise.all([
    good(),
    inbox.commit({ appId: 'wx1', ordered: true, message: textMessage({ content: 'a\0b' }) }),
    good(),
  ]);
  expect(results.map(({ kind }) => kind)).toEqual(['stored', 'unavailable', 'stored']);
  await database.drop();
});

test('a message that waits for another transaction holds up no other message of its group', async () => {
  const database = await createTestDatabase();
  const pool = createPool({
    connectionString: database.url,
    name: 'test',
    max: 2,
    statementTimeoutMs: 2_000,
    lockTimeoutMs: 300,
    onError: () => undefined,
  });
  const inbox = createCommitGroup({ arrive: createArrive(pool), maxConcurrent: 1 });
  // The first job ever registers its task, for which others would wait, too.
  await inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() });
  const original = textMessage({ openid: 'oTwice' });
  // Stored by somebody else, who has not committed: whether this one is a duplicate is not known yet.
  const other = await database.pool.connect();
  await other.query('begin');
  await createArrive({ query: other.query.bind(other) } as Pool)([
    { appId: 'wx1', ordered: true, message: original },
  ]);
  const results: string[] = [];
  const commit = (message = textMessage()) =>
    inbox.commit({ appId: 'wx1', ordered: true, message }).then(({ kind }) => results.push(kind));
  const group = [commit(), commit(original), commit(), commit()];
  await waitFor('the others', () => results.length === 3, 4_000);
  expect(results).toEqual(['stored', 'stored', 'stored']);
  await other.query('commit');
  other.release();
  await Promise.all(group);
  expect(results.at(-1)).toBe('duplicate');
  await pool.end();
  await database.drop();
});

test('groups that hold each other’s messages in any order do not deadlock', async () => {
  const database = await createTestDatabase();
  const store = createArrive(database.pool);
  const messages = Array.from({ length: 200 }, (_, index) => ({
    appId: 'wx1',
    ordered: true,
    message: textMessage({ openid: `o${index % 7}` }),
  }));
  const shuffled = () => [...messages].sort(() => Math.random() - 0.5);
  for (let round = 0; round < 10; round += 1) {
    await database.pool.query('truncate wechat.inbound_message cascade');
    const results = await Promise.all([
      store(shuffled()),
      store(shuffled()),
      store(shuffled()),
      store(shuffled()),
    ]);
    expect(results.flat().filter((result) => result === 'stored')).toHaveLength(messages.length);
  }
  await database.drop();
});

test('a message for which there is no room is refused at once, and there is room again once others are stored', async () => {
  let finish = () => {};
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const inbox = createCommitGroup({
    arrive: async (arrivals) => {
      await held;
      return arrivals.map(() => 'stored' as const);
    },
    maxWaiting: 2,
  });
  const waiting = [1, 2].map(() => inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() }));
  expect(inbox.isFull).toBe(true);
  expect(await inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() })).toEqual({
    kind: 'shed',
    reason: '2 messages wait already',
  });
  finish();
  expect(await Promise.all(waiting)).toEqual([{ kind: 'stored' }, { kind: 'stored' }]);
  expect(inbox.isFull).toBe(false);
  expect(await inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() })).toEqual({
    kind: 'stored',
  });
});

test('a statement that failed late, when a later one had stored already, tells of no problem that lasts', async () => {
  const statements: { resolve(): void; reject(error: Error): void }[] = [];
  const failures: unknown[] = [];
  const inbox = createCommitGroup({
    arrive: (arrivals) =>
      new Promise((resolve, reject) => {
        statements.push({ resolve: () => resolve(arrivals.map(() => 'stored' as const)), reject });
      }),
    patienceMs: 100,
    onError: (error) => failures.push(error),
  });
  const commit = () => inbox.commit({ appId: 'wx1', ordered: true, message: textMessage() });
  // Told to come again, as it will be in an outage: nobody wants this statement's result any more.
  expect(await commit()).toMatchObject({ kind: 'unavailable' });
  const again = commit();
  await waitFor('both to be under way', () => statements.length === 2);
  statements[1]?.resolve();
  expect(await again).toEqual({ kind: 'stored' });
  statements[0]?.reject(Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' }));
  await waitFor('its failure', () => failures.length === 1);
  expect(inbox.problem).toBe(undefined);
});
