import { expect, onTestFinished, test } from 'vitest';
import { advisoryLocks, lockClass } from '../../src/db/locks.js';
import { createTestDatabase } from '../support/database.js';

test('the locks of SQL functions are those of the code', async () => {
  const { pool, rows, drop } = await createTestDatabase();
  onTestFinished(drop);
  const client = await pool.connect();
  onTestFinished(() => client.release(true));

  await client.query('begin; select wechat.await_moves()');
  const takePhases = () =>
    rows('select pg_try_advisory_xact_lock($1, $2) as got', [lockClass, advisoryLocks.accountMove]);
  expect(await takePhases()).toEqual([{ got: false }]);
  await client.query('commit');
  expect(await takePhases()).toEqual([{ got: true }]);

  const lives = () => rows('select wechat.worker_lives(7) as lives');
  await client.query('select pg_advisory_lock($1, 7)', [advisoryLocks.alive]);
  expect(await lives()).toEqual([{ lives: true }]);
  await client.query('select pg_advisory_unlock($1, 7)', [advisoryLocks.alive]);
  expect(await lives()).toEqual([{ lives: false }]);

  // Another function that names a lock is to be held to it here.
  const functions = await rows<{ name: string }>(
    `select proname as name from pg_proc
     where pronamespace = 'wechat'::regnamespace and prosrc ~ 'advisory' order by 1`,
  );
  expect(functions.map(({ name }) => name)).toEqual(['await_moves', 'worker_lives']);
});
