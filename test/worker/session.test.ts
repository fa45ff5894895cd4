import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { leave } from '../../src/outbox/leave.js';
import { openSession, type WorkerSession } from '../../src/worker/session.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { proxied } from '../support/proxied.js';
import { waitFor } from '../support/wait.js';

async function ownDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

async function open(connectionString: string, rescueAfterMs: number): Promise<WorkerSession> {
  const log = pino({ level: 'silent' });
  const session = await openSession({ connectionString, rescueAfterMs, leave, log });
  onTestFinished(() => session.end());
  return session;
}

const aliveBackends = (database: TestDatabase) =>
  database.rows<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and application_name = 'wechat-outbox alive'`,
  );

test('a connection that has fallen silent is replaced while others still wait for a sign', async () => {
  const database = await ownDatabase();
  const { url, proxy } = await proxied(database.url);
  const session = await open(url, 5_000);
  const first = session.workerId;
  const [before] = await aliveBackends(database);
  // No packet says that anything is wrong, and the old connection would be good again afterwards.
  proxy.freeze(5_000);
  await waitFor(
    'another connection',
    async () => (await aliveBackends(database)).some(({ pid }) => pid !== before?.pid),
    15_000,
  );
  await waitFor('a sign of life', async () => {
    const [row] = await database.rows<{ fresh: boolean }>(
      `select heartbeat_at > now() - interval '3 seconds' as fresh from wechat.worker_process where id = $1`,
      [session.workerId],
    );
    return row?.fresh;
  });
  expect(session.workerId).toBeGreaterThanOrEqual(first);
});

test('a sign that waits for a lock is followed by no other, and the identity is renewed once', async () => {
  const database = await ownDatabase();
  const session = await open(database.url, 4_000);
  const blocker = await database.pool.connect();
  await blocker.query('begin');
  await blocker.query('update wechat.worker_process set ended_at = now()');
  await waitFor('a sign to wait', async () => {
    const waiting = await database.rows(`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%heartbeat_at%'`);
    return waiting.length === 1;
  });
  // Time for more signs, had they no guard.
  await sleep(1_000);
  await blocker.query('commit');
  blocker.release();
  await waitFor('a new id', () => session.workerId > 1);
  expect(await database.rows('select id from wechat.worker_process where ended_at is null')).toEqual([
    { id: session.workerId },
  ]);
  const locks = await database.rows(
    `select objid::int as id from pg_locks where locktype = 'advisory' and granted
     and database = (select oid from pg_database where datname = current_database())`,
  );
  expect(locks).toEqual([{ id: session.workerId }]);
});

test('a worker that finds itself given up when it connects anew keeps no lock of who it was', async () => {
  const database = await ownDatabase();
  const session = await open(database.url, 4_000);
  const was = session.workerId;
  const [before] = await aliveBackends(database);
  // The next connection waits for the row, and has the lock by then.
  await database.pool.query(`
    begin; update wechat.worker_process set ended_at = now();
    select pg_terminate_backend(${before?.pid}); commit`);
  await waitFor('a new id', () => session.workerId !== was);
  await waitFor('only that one to live', async () => {
    const alive = 'select wechat.worker_lives($1) as was, wechat.worker_lives($2) as is';
    const [row] = await database.rows<{ was: boolean; is: boolean }>(alive, [was, session.workerId]);
    return row?.is && !row.was;
  });
  expect(await aliveBackends(database)).not.toContainEqual(before);
});
