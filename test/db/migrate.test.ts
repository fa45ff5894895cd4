import { randomBytes } from 'node:crypto';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { isOutage } from '../../src/db/errors.js';
import { migrate, UnknownMigrationsError } from '../../src/db/migrate.js';
import {
  migrationsDirectory,
  readMigrationHashes,
  readMigrationState,
} from '../../src/db/migration-state.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { runInProcess } from '../support/command-line.js';
import { createTestDatabase } from '../support/database.js';
import { setStage } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

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
  const state = await readMigrationState(first, await readMigrationHashes());
  const pending = state.kind === 'pending' ? state.names : [];
  expect(pending.length).toBeGreaterThan(3);

  const migrated = await Promise.all(pools.map((pool) => migrate(pool)));
  expect(migrated.flatMap(({ applied }) => applied)).toEqual(pending);
  expect(await readMigrationState(first, await readMigrationHashes())).toEqual({ kind: 'current' });
  expect(await migrate(first)).toEqual({ applied: [], newer: [] });
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

test.each([
  {
    what: 'another text',
    change: `update wechat.schema_migration_text set sha256 = '' where name = '0001_facts'`,
  },
  { what: 'texts that nobody kept', change: 'drop table wechat.schema_migration_text' },
])('a database whose migrations had $what is of no release: refused, with what to do', async ({ change }) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pool = poolFor(database.url);
  expect(await readMigrationState(pool, await readMigrationHashes())).toEqual({ kind: 'current' });
  await database.pool.query(change);
  await expect(migrate(pool)).rejects.toThrow(/0001_facts.*another thing then.*empty database/);
});

describe('a database that a newer version has migrated', () => {
  const newer = `
    insert into wechat.schema_migration values ('9001_newer', '2027-01-01');
    create table wechat.of_the_newer (id bigint)`;
  const breaking = `insert into wechat.schema_migration_breaking values ('9001_newer', 'delivery.payload is gone')`;

  async function migratedBy(sql: string): Promise<{ pool: Pool; url: string }> {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    await database.pool.query(sql);
    return { pool: poolFor(database.url), url: database.url };
  }

  test('is worked with, and stays as it is', async () => {
    const { pool, url } = await migratedBy(newer);
    expect(await migrate(pool)).toEqual({ applied: [], newer: ['9001_newer'] });
    await pool.query('select from wechat.of_the_newer');
    const command = await runInProcess(['migrate'], { DATABASE_URL: url });
    expect(command).toMatchObject({ code: 0, out: expect.stringContaining('9001_newer') });
    const { out } = await runInProcess(['doctor'], { DATABASE_URL: url });
    expect(out).toMatch(/^warn +migrations +a newer version has applied 9001_newer/m);
  });

  test('is refused with the reason where a migration says so', async () => {
    const { pool, url } = await migratedBy(`${newer}; ${breaking}`);
    await expect(migrate(pool)).rejects.toThrow(/9001_newer: delivery\.payload is gone.*Nothing was changed/);
    const command = await runInProcess(['migrate'], { DATABASE_URL: url });
    expect(command).toMatchObject({ code: 1, err: expect.stringContaining('delivery.payload is gone') });
    const { out } = await runInProcess(['doctor'], { DATABASE_URL: url });
    expect(out).toMatch(/^fail +migrations +another version .*delivery\.payload is gone/m);
  });

  test('is worked with after a removal by a version that knows the migration which made it needless', async () => {
    for (const [needs, kind] of [
      ['0016_upgrade_and_restore', 'newer'],
      ['0099_between', 'foreign'],
    ]) {
      const { pool } = await migratedBy(
        `${newer}; insert into wechat.schema_migration_breaking values ('9001_newer', 'a column is gone', '${needs}')`,
      );
      expect(await readMigrationState(pool, await readMigrationHashes())).toMatchObject({ kind });
    }
  });

  test('is refused where it lacks what this version knows, or could not have said so', async () => {
    for (const change of [
      `delete from wechat.schema_migration where name like '0005%'`,
      'drop table wechat.schema_migration_breaking',
    ]) {
      const { pool } = await migratedBy(`${newer}; ${change}`);
      await expect(migrate(pool)).rejects.toThrow(UnknownMigrationsError);
    }
  });

  test('a break that this version has had itself keeps it from nothing', async () => {
    const { pool } = await migratedBy(
      `insert into wechat.schema_migration_breaking values ('0005_analysts', 'an old story')`,
    );
    expect(await readMigrationState(pool, await readMigrationHashes())).toEqual({ kind: 'current' });
  });

  test('serves processes of this one that start beside, and those that run learn of a break', async () => {
    const { simulator, database, start } = await setStage();
    await database.pool.query(newer);
    const { adminUrl } = await start({ replies: () => 'as before' });
    await simulator.user('oAnna').say('hello');
    expect(await simulator.waitForDelivered('oAnna', 1)).toMatchObject([{ text: 'as before' }]);
    const readyz = async () => {
      const response = await fetch(`${adminUrl}/readyz`);
      return { status: response.status, body: await response.text() };
    };
    expect(await readyz()).toMatchObject({
      status: 200,
      body: expect.stringMatching(/migrations: .*a newer version has applied 9001_newer/),
    });
    await database.pool.query(breaking);
    expect(await readyz()).toMatchObject({
      status: 503,
      body: expect.stringMatching(/migrations: .*cannot work/),
    });
  });
});

test('a migration waits behind a long query without others waiting behind it', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const directory = scratchDirectory();
  await cp(migrationsDirectory, directory, { recursive: true });
  await writeFile(
    path.join(directory, '9001_alters.sql'),
    'alter table wechat.delivery add column trial text;',
  );
  const reader = await database.pool.connect();
  await reader.query('begin');
  await reader.query('select from wechat.delivery limit 1');
  let tries = 0;
  const onLocked = () => {
    tries += 1;
  };
  const migrating = migrate(poolFor(database.url), { directory, onLocked });
  await waitFor('the first try to give up', () => tries > 0);
  // In between nobody waits for the lock.
  await database.pool.query(`set statement_timeout = '1500ms'; select from wechat.delivery limit 1`);
  await reader.query('commit');
  reader.release();
  expect(await migrating).toEqual({ applied: ['9001_alters'], newer: [] });
  await expect(migrate(poolFor(database.url))).resolves.toEqual({ applied: [], newer: ['9001_alters'] });
});

test.each([
  ['that goes away', 'select pg_terminate_backend(pg_backend_pid())'],
  [
    'with no connection left',
    `do $$ begin raise sqlstate '53300' using message = 'too many connections'; end $$`,
  ],
])('a migration on a server %s is an outage, and goes through once that is over', async (_, fails) => {
  const pool = poolFor(await emptyDatabase());
  await migrate(pool);
  const directory = await scratchDirectory();
  await cp(migrationsDirectory, directory, { recursive: true });
  const next = path.join(directory, '9999_next.sql');
  await writeFile(next, `create table wechat.half (); ${fails};`);
  await expect(migrate(pool, { directory })).rejects.toSatisfy(isOutage);
  await writeFile(next, 'create table wechat.whole ();');
  expect(await migrate(pool, { directory })).toEqual({ applied: ['9999_next'], newer: [] });
  const { rows } = await pool.query(`select to_regclass('wechat.half') as half`);
  expect(rows).toEqual([{ half: null }]);
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
