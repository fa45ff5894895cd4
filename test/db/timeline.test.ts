import { expect, onTestFinished, test } from 'vitest';
import { createPool, type PoolOptions } from '../../src/db/pool.js';
import { type NewTimeline, noteTimeline } from '../../src/db/timeline.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

async function ownDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

/** As if what is noted had been on another timeline: that is what a restore and a failover look like from inside. */
async function moveOn({ pool }: TestDatabase): Promise<void> {
  await noteTimeline(pool);
  await pool.query('update wechat.database_timeline set timeline = timeline + 1000 where timeline < 1000');
}

/** A pool that writes, and the timelines that it found. */
function openPool(database: TestDatabase, options: Partial<PoolOptions> = {}) {
  const found: NewTimeline[] = [];
  const pool = createPool({
    ...{ connectionString: database.url, name: 'under-test', max: 1, statementTimeoutMs: 5_000 },
    writes: true,
    onError: () => undefined,
    onTimeline: (timeline) => found.push(timeline),
    ...options,
  });
  onTestFinished(() => pool.end());
  return { pool, found };
}

const storeMessage = `insert into wechat.inbound_message
  (app_id, dedupe_key, openid, msg_type, content, created_at, payload)
  values ('wx1', gen_random_uuid()::text, 'oUser', 'text', 'x', now(), '{}') returning id`;

test('numbers that may have been given out on the timeline before are not given out again', async () => {
  const database = await ownDatabase();
  const [before] = (await database.pool.query<{ id: string }>(storeMessage)).rows;
  expect(before?.id).toBe('1');
  await noteTimeline(database.pool);
  expect((await database.pool.query<{ id: string }>(storeMessage)).rows).toEqual([{ id: '2' }]);
  await moveOn(database);
  expect(await noteTimeline(database.pool)).toMatchObject({ timeline: expect.any(Number) });
  const numbers = async () =>
    new Map(
      (
        await database.rows<{ name: string; last: string | null }>(
          `select c.relname as name, pg_sequence_last_value(pg_get_serial_sequence(c.oid::regclass::text, 'id')::regclass) as last
           from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'id' and a.attidentity <> ''
           where c.relnamespace in ('wechat'::regnamespace, 'graphile_worker'::regnamespace)`,
        )
      ).map(({ name, last }) => [name, Number(last)]),
    );
  const leapt = await numbers();
  for (const name of [
    'inbound_message',
    'delivery',
    'lane',
    'model_call',
    'operator_action',
    '_private_jobs',
  ])
    expect([name, leapt.get(name)]).toEqual([name, expect.toSatisfy((last) => last > 100_000_000)]);
  expect(leapt.get('worker_process')).toBeGreaterThan(1_000_000);
  // Once for each timeline.
  expect(await noteTimeline(database.pool)).toBeUndefined();
  expect(await numbers()).toEqual(leapt);
  const [after] = (await database.pool.query<{ id: string }>(storeMessage)).rows;
  expect(Number(after?.id)).toBe((leapt.get('inbound_message') ?? 0) + 1);
});

test('a pool notes another timeline before its first write, and asks no more while the server lives', async () => {
  const database = await ownDatabase();
  await moveOn(database);
  const { pool, found } = openPool(database, { max: 2, lockTimeoutMs: 100 });
  await pool.query(storeMessage);
  expect(found).toHaveLength(1);
  expect(
    await database.rows('select last_message_id from wechat.database_timeline where timeline < 1000'),
  ).toEqual([{ last_message_id: '0' }]);

  const other = await database.pool.connect();
  await other.query('begin; lock table wechat.database_timeline in access exclusive mode');
  const clients = await Promise.all([pool.connect(), pool.connect()]);
  for (const client of clients) client.release();
  await other.query('rollback');
  other.release();
  expect(found).toHaveLength(1);
});

test('a pool notes the timeline of a database that takes the place of another under the same name', async () => {
  const database = await ownDatabase();
  await noteTimeline(database.pool);
  const { pool, found } = openPool(database);
  await pool.query('select 1');
  // As a dump that is read in: the table is another one, and says that it was elsewhere.
  await database.pool.query(`create table public.other (like wechat.database_timeline including all);
    insert into public.other overriding system value
      select id, system_identifier, timeline + 1000, seen_at, last_sign_at, last_message_id, last_delivery_id
      from wechat.database_timeline;
    drop table wechat.database_timeline cascade;
    alter table public.other rename to database_timeline;
    alter table public.database_timeline set schema wechat;
    create or replace function wechat.note_timeline(out noted wechat.database_timeline, out is_first boolean)
    language sql as $$ select row(0, '', 7, now(), now(), 0, 0)::wechat.database_timeline, false $$`);
  const end = await pool.connect();
  end.release(true);
  await pool.query('select 1');
  expect(found).toEqual([expect.objectContaining({ timeline: 7 })]);
});

test('of many connections that come at once one notes it, and none waits where it is known', async () => {
  const database = await ownDatabase();
  await moveOn(database);
  const { pool, found } = openPool(database, { max: 8 });
  const clients = await Promise.all(Array.from({ length: 8 }, () => pool.connect()));
  for (const client of clients) client.release();
  expect(found).toHaveLength(1);

  const other = await database.pool.connect();
  await other.query('begin; lock table wechat.database_timeline in exclusive mode');
  const { pool: second } = openPool(database, { lockTimeoutMs: 100 });
  expect((await second.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await other.query('rollback');
  other.release();
});

test('a pool works on a database that is still to be migrated', async () => {
  const database = await ownDatabase();
  for (const how of ['drop function wechat.note_timeline', 'drop schema wechat cascade']) {
    await database.pool.query(how);
    const { pool, found } = openPool(database);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    expect(found).toEqual([]);
  }
});
