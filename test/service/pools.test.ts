import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createPools, leastConnections, type Role, shareConnections } from '../../src/service/pools.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/wait.js';

describe('the connections of a process', () => {
  test('are divided among its pools, down to the least of each', () => {
    const none = { console: 0 };
    expect(shareConnections('all', 6)).toEqual({
      session: 1,
      jobs: 2,
      writes: 1,
      ingress: 1,
      admin: 1,
      ...none,
    });
    expect(shareConnections('all', 20)).toEqual({
      ...{ session: 1, jobs: 6, writes: 5, ingress: 4, admin: 2, console: 2 },
    });
    expect(shareConnections('worker', 5)).toEqual({ session: 1, jobs: 2, writes: 1, admin: 1, ...none });
    expect(shareConnections('ingress', 3)).toEqual({ ingress: 1, admin: 1, console: 1 });
  });

  test.each<Role>(['all', 'worker', 'ingress'])('are all given out, and no more, to the role %s', (role) => {
    for (let connections = leastConnections(role); connections <= 100; connections += 1) {
      const { console = 0, ...others } = shareConnections(role, connections);
      const shares = Object.values(others);
      expect(shares.reduce((sum, share) => sum + share, console)).toBe(connections);
      // The console does with those of others.
      expect(Math.min(...shares)).toBeGreaterThan(0);
    }
  });

  test('that are too few are an error that says how many the role needs', () => {
    expect(() => shareConnections('all', 5)).toThrow(
      'DATABASE_CONNECTIONS is 5: a process with both roles needs 6 at least',
    );
    expect(() => shareConnections('worker', 4)).toThrow('the role worker needs 5 at least');
  });
});

async function openPools(url: string, connections = 5) {
  const log = pino({ level: 'silent' });
  const pools = createPools({ connectionString: url, role: 'worker', connections, log });
  onTestFinished(() => pools.end());
  return pools;
}

/** The database as a role that may have so many connections. */
async function limitedTo(connections: number, database: TestDatabase): Promise<string> {
  const role = `few_${randomUUID().slice(0, 8)}`;
  await database.pool.query(`create role ${role} login password 'few' connection limit ${connections}`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'few';
  return url.href;
}

async function ownDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

test('a connection that is refused is told, with what to set', async () => {
  const database = await ownDatabase();
  const url = await limitedTo(1, database);
  const pools = await openPools(url);
  await pools.open('jobs').query('select 1');
  expect(pools.problem()).toBe(undefined);
  await expect(pools.open('writes').query('select 1')).rejects.toThrow(/too many connections for role/);
  expect(pools.problem()).toMatch(
    /^writes: a connection was refused \(too many .* lower DATABASE_CONNECTIONS/,
  );
});

test('a pool that starves is told until somebody gets a connection at once again', async () => {
  const database = await ownDatabase();
  const pools = await openPools(database.url);
  const pool = pools.open('writes');
  const held = await pool.connect();
  await expect(pool.query('select 1')).rejects.toThrow('timeout exceeded');
  expect(pools.problem()).toMatch(/^writes: statements wait longer than 3 s for one of 1 connections: raise/);
  held.release();
  await waitFor('a statement', () => pool.query('select 1').then(() => true));
  expect(pools.problem()).toBe(undefined);
});

test('where the server has fewer connections than it may take, the pools share what they got', async () => {
  const database = await ownDatabase();
  const url = await limitedTo(7, database);
  const pools = await openPools(url, 20);
  // The first has them all, and is busy.
  const clients = await Promise.all(Array.from({ length: 7 }, () => pools.open('jobs').connect()));
  await expect(pools.open('writes').query('select 1')).rejects.toThrow(/too many connections/);
  for (const client of clients) client.release();
  await waitFor('a connection for the other', () =>
    pools
      .open('writes')
      .query('select 1')
      .then(
        () => true,
        () => false,
      ),
  );
  expect(pools.open('jobs').totalCount).toBeLessThanOrEqual(pools.sizeOf('jobs'));
  expect(pools.problem()).toMatch(/lower DATABASE_CONNECTIONS/);
});

test('where there is none to spare, the console keeps none for itself, and does with those of others', async () => {
  const database = await ownDatabase();
  const url = await limitedTo(4, database);
  const pools = await openPools(url, 20);
  await pools.open('console').query('select 1');
  const listening = await pools.open('jobs').connect();
  onTestFinished(() => listening.release());
  // One is of the session, which is no pool.
  await Promise.allSettled(Array.from({ length: 4 }, () => pools.open('writes').query('select 1')));
  for (const name of ['jobs', 'writes', 'admin', 'console'] as const)
    await waitFor(`a connection for ${name}`, () =>
      pools
        .open(name)
        .query('select 1')
        .then(
          () => true,
          () => false,
        ),
    );
  expect(pools.open('console').totalCount).toBe(0);
});
