import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { batchFailure, classifyDatabaseError } from '../../src/db/errors.js';
import type { Pool } from '../../src/db/pool.js';
import { createBatcher } from '../../src/lib/batcher.js';
import { createPools } from '../../src/service/pools.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { waitFor } from '../support/wait.js';

async function ownDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

/** Pools of a role that may log in or not. */
async function poolsOfRole({ pool, url }: TestDatabase) {
  const role = `guest_${randomUUID().slice(0, 8)}`;
  await pool.query(`create role ${role} login password 'guest'`);
  const databaseUrl = new URL(url);
  databaseUrl.username = role;
  databaseUrl.password = 'guest';
  const log = pino({ level: 'silent' });
  const pools = createPools({ connectionString: databaseUrl.href, role: 'worker', connections: 5, log });
  onTestFinished(() => pools.end());
  return { role, pools };
}

function writesBy(pool: Pool, text: string) {
  const failures: string[] = [];
  const { add } = createBatcher<number, number>({
    async run(ids) {
      await pool.query(text, [ids]);
      return ids;
    },
    classify: batchFailure,
    pauseMs: () => 20,
    ...{ maxItems: 500, maxConcurrent: 1 },
    onFailure: (error) => failures.push(classifyDatabaseError(error)),
  });
  return { add, failures };
}

test('what a pool is to write while its role may not log in is written when it may again, and readiness says what to do', async () => {
  const database = await ownDatabase();
  const { role, pools } = await poolsOfRole(database);
  await database.pool.query(`alter role ${role} nologin`);
  const { add, failures } = writesBy(pools.open('writes'), 'select $1::int[]');
  const written = Promise.all([add(1), add(2)]);
  await waitFor('some tries', () => failures.length > 2);
  expect(new Set(failures)).toEqual(new Set(['refused_login']));
  expect(pools.problem()).toMatch(/^writes: a connection was refused \(.*DATABASE_PASSWORD counts once/);
  await database.pool.query(`alter role ${role} login`);
  expect(await written).toEqual([1, 2]);
});

test('a file of the server that fails keeps back only what is in it, until it is mended', async () => {
  const database = await ownDatabase();
  await database.pool.query(`
    create table public.bad_page (id int);
    insert into public.bad_page values (2);
    create function public.read(ids int[]) returns void language plpgsql as $$
    begin
      if exists (select from public.bad_page b where b.id = any(ids)) then
        raise exception 'could not read blocks 5..5 in file "base/5/16384": Input/output error' using errcode = '58030';
      end if;
    end $$`);
  const { add, failures } = writesBy(database.pool, 'select public.read($1)');
  const kept = add(2);
  expect(await Promise.all([add(1), add(3)])).toEqual([1, 3]);
  await waitFor('some tries', () => failures.length > 3);
  expect(new Set(failures)).toEqual(new Set(['storage']));
  await database.pool.query('delete from public.bad_page');
  expect(await kept).toBe(2);
});
