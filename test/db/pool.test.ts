import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { classifyDatabaseError } from '../../src/db/errors.js';
import { createPool, type PoolOptions } from '../../src/db/pool.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { proxied } from '../support/proxied.js';
import { waitFor } from '../support/wait.js';

async function ownDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

function openPool(database: TestDatabase, options: Partial<PoolOptions> = {}) {
  const pool = createPool({
    connectionString: database.url,
    name: 'under-test',
    max: 1,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
    ...options,
  });
  onTestFinished(() => pool.end());
  return pool;
}

const failureOf = (promise: Promise<unknown>) => promise.then(() => 'none', classifyDatabaseError);

describe('a connection of ours', () => {
  test('has its own settings, whatever the database is set to', async () => {
    const database = await ownDatabase();
    const name = new URL(database.url).pathname.slice(1);
    for (const setting of [
      `"DateStyle" = 'German, DMY'`,
      `"TimeZone" = 'Asia/Shanghai'`,
      `"IntervalStyle" = 'iso_8601'`,
      `default_transaction_isolation = 'serializable'`,
      `synchronous_commit = 'off'`,
      `statement_timeout = '60ms'`,
      `idle_in_transaction_session_timeout = '1ms'`,
      `search_path = 'nowhere'`,
    ])
      await database.pool.query(`alter database ${name} set ${setting}`);
    const pool = openPool(database);
    const at = new Date('2026-03-01T14:05:06.789Z');
    const { rows } = await pool.query(
      `select $1::timestamptz as at, '2026-03-04'::date::text as day, current_setting('transaction_isolation') as isolation,
         current_setting('synchronous_commit') as durable, current_setting('statement_timeout') as statement,
         current_setting('plan_cache_mode') as plans, current_setting('enable_seqscan') as seqscan, pg_sleep(0.1)::text as slept`,
      [at],
    );
    expect(rows).toEqual([
      {
        at,
        day: '2026-03-04',
        isolation: 'read committed',
        durable: 'on',
        statement: '4500ms',
        plans: 'force_custom_plan',
        seqscan: 'on',
        slept: '',
      },
    ]);
  });

  test('leaves no statement behind on the server when its time is up', async () => {
    const database = await ownDatabase();
    const pool = openPool(database, { statementTimeoutMs: 2_000 });
    expect(await failureOf(pool.query('select pg_sleep(30)'))).toBe('slow');
    expect(
      await database.rows(
        `select from pg_stat_activity where application_name = 'wechat-outbox under-test' and state = 'active'
         and datname = current_database()`,
      ),
    ).toEqual([]);
  });

  test('gives a lock up before its statement, and says so', async () => {
    const database = await ownDatabase();
    const pool = openPool(database, { lockTimeoutMs: 100 });
    const other = await database.pool.connect();
    await other.query('begin; lock table wechat.worker_process');
    expect(await failureOf(pool.query('select from wechat.worker_process'))).toBe('locked');
    await other.query('rollback');
    other.release();
    expect(await failureOf(pool.query('select from wechat.worker_process'))).toBe('none');
  });
});

test('a connection whose old plans cannot be discarded is given to nobody, and another takes its place', async () => {
  const database = await ownDatabase();
  const { url, proxy } = await proxied(database.url);
  // Of any age they are too old.
  const pool = openPool(database, {
    ...{ connectionString: url, planAgeMs: Number.MIN_VALUE, statementTimeoutMs: 1_000 },
  });
  const pidOf = async () =>
    (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
  const first = await pidOf();
  expect(await pidOf()).toBe(first);
  proxy.freeze(60_000);
  const given = pool.connect().then((client) => client.release(true));
  expect(await failureOf(given)).toBe('away');
  expect(pool.totalCount).toBe(0);
  proxy.thaw();
  expect(await pidOf()).not.toBe(first);
});

test('what failed is told apart: refused connections, ended ones, and a statement that is wrong', async () => {
  const database = await ownDatabase();
  expect(await failureOf(database.pool.query('select * from nowhere'))).toBe('other');
  const role = `limited_${Date.now().toString(36)}`;
  await database.pool.query(`create role ${role} login password 'limited' connection limit 1`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'limited';
  const first = new pg.Client({ connectionString: url.href });
  first.on('error', () => undefined);
  const refused = new pg.Client({ connectionString: url.href });
  await first.connect();
  expect(await failureOf(refused.connect())).toBe('refused_connection');
  const ended = failureOf(first.query('select pg_sleep(30)'));
  await waitFor('the statement', async () => {
    const { rowCount } = await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and state = 'active'`,
      [role],
    );
    return rowCount === 1;
  });
  expect(await ended).toBe('away');
  await waitFor('the connection to be gone', async () => {
    const { rowCount } = await database.pool.query('select from pg_stat_activity where usename = $1', [role]);
    return rowCount === 0;
  });
  await database.pool.query(`drop role ${role}`);
});
