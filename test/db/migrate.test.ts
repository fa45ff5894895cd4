import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { migrate, pendingMigrations, UnknownMigrationsError } from '../../src/db/migrate.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createTestDatabase } from '../support/database.js';

async function emptyDatabase(): Promise<string> {
  const server = inject('postgresUrl');
  const name = `wechat_test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: server });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  return Object.assign(new URL(server), { pathname: name }).href;
}

function poolFor(connectionString: string): Pool {
  const pool = createPool({
    connectionString,
    name: 'test',
    max: 3,
    statementTimeoutMs: 0,
    onError: () => undefined,
  });
  onTestFinished(() => pool.end());
  return pool;
}

test('ten processes that migrate at once apply each file once', async () => {
  const url = await emptyDatabase();
  const pools = Array.from({ length: 10 }, () => poolFor(url));
  const [first] = pools;
  if (!first) throw new Error('no pool');
  const pending = await pendingMigrations(first);
  expect(pending.length).toBeGreaterThan(3);

  const applied = await Promise.all(pools.map(migrate));
  expect(applied.flat()).toEqual(pending);
  expect(await pendingMigrations(first)).toEqual([]);
  expect(await migrate(first)).toEqual([]);
  await first.query(`select graphile_worker.add_job('lanes', '{"ids":[]}')`);
});

test('a database that another version made is refused with what to do, and left as it is', async () => {
  const pool = poolFor(await emptyDatabase());
  await pool.query(`
    create schema wechat;
    create table wechat.schema_migration (name text primary key, timestamp text not null);
    insert into wechat.schema_migration values ('0001_inbox', '2026-01-01'), ('0002_outbox', '2026-01-01');
    create table wechat.inbound_message (id bigint)`);
  const refusal = await migrate(pool).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(UnknownMigrationsError);
  expect(refusal).toMatchObject({
    code: 'UNKNOWN_MIGRATIONS',
    message: expect.stringMatching(/0001_inbox, 0002_outbox.*Nothing was changed.*empty database/),
  });
  const { rows } = await pool.query(
    `select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname in ('wechat', 'graphile_worker') and relkind = 'r' order by relname`,
  );
  expect(rows.map(({ relname }) => relname)).toEqual(['inbound_message', 'schema_migration']);
});

test('every table, view, column and function of the schema says what it is', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const silent = await database.rows(
    `select c.relname as relation, a.attname as column
     from pg_class c
     left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'wechat'::regnamespace and c.relkind in ('r', 'v', 'm', 'p')
       and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, a.attnum) is null)`,
  );
  expect(silent).toEqual([]);
  const mute = await database.rows(
    `select oid::regprocedure as function from pg_proc
     where pronamespace = 'wechat'::regnamespace and obj_description(oid, 'pg_proc') is null`,
  );
  expect(mute).toEqual([]);
});
