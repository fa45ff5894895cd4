import { beforeEach, describe, expect, test } from 'vitest';
import { advisoryLocks, lockClass } from '../../src/db/locks.js';
import { createRetention, type Retention } from '../../src/worker/retention.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Told, tell } from '../support/history.js';

const days = 24;
const hourMs = 3_600_000;

const old: Told = {
  openid: 'oOld',
  hoursAgo: 60 * days,
  text: 'hi',
  replies: [{ text: 'a' }, { text: 'b' }],
};

const users = async ({ rows }: Pick<TestDatabase, 'rows'>) =>
  (await rows<{ openid: string }>('select openid from wechat.inbound_message order by id')).map(
    ({ openid }) => openid,
  );

/** Deliveries without their message, and attempts without their delivery: no key forbids them. */
const orphans = ({ rows }: Pick<TestDatabase, 'rows'>) =>
  rows(
    `select message_id as id from wechat.delivery where message_id not in (select id from wechat.inbound_message)
     union all
     select delivery_id from wechat.delivery_attempt where delivery_id not in (select id from wechat.delivery)`,
  );

const many = (count: number): Told[] =>
  Array.from({ length: count }, (_, index) => ({ openid: `o${index}`, hoursAgo: 60 * days, text: 'hi' }));

describe('a batch', () => {
  let database: TestDatabase;
  let clockMs: number;
  let deleted: number;
  let isBusy: boolean;

  beforeEach(async () => {
    database = await createTestDatabase();
    [clockMs, deleted, isBusy] = [0, 0, false];
    return () => database.drop();
  });

  function create(workers = 1): Retention {
    return createRetention({
      pool: database.pool,
      days: 30,
      isBusy: () => isBusy,
      workers: () => workers,
      now: () => clockMs,
      log: { info: () => undefined } as never,
      metrics: { retentionDeleted: { inc: (more: number) => (deleted += more) } as never },
    });
  }

  /** While another transaction holds the locks of this statement. */
  async function whileOther(statement: string, act: () => Promise<void>): Promise<void> {
    const other = await database.pool.connect();
    try {
      await other.query('begin');
      await other.query(statement);
      await act();
    } finally {
      await other.query('rollback');
      other.release();
    }
  }

  test('leaves what is not settled, was settled lately, or may still be answered', async () => {
    await tell(database.pool, 'wx', [
      { ...old, openid: 'oUnsettled', status: 'received', replies: [] },
      { ...old, openid: 'oRequeued', replies: [{ text: 'a', status: 'failed' }] },
      { ...old, openid: 'oSettledLately' },
      { ...old, openid: 'oOpenWindow' },
      old,
    ]);
    const run = (sql: string) => database.pool.query(sql);
    await run(`select wechat.requeue(id, true) from wechat.delivery where openid = 'oRequeued'`);
    await run(`delete from graphile_worker._private_jobs`);
    await run(
      `update wechat.inbound_message set settled_at = now() - interval '29 days' where openid = 'oSettledLately'`,
    );
    await run(
      `update wechat.inbound_message set window_ends_at = now() + interval '1 hour' where openid = 'oOpenWindow'`,
    );
    await create().run();
    expect(await orphans(database)).toEqual([]);
    expect(await users(database)).toEqual(['oUnsettled', 'oRequeued', 'oSettledLately', 'oOpenWindow']);
    expect(deleted).toBe(1);
  });

  test('is not run while messages wait to be worked on, or this process has its hands full', async () => {
    await tell(database.pool, 'wx', [old]);
    const retention = create();
    isBusy = true;
    await retention.run();
    isBusy = false;
    const due = `select graphile_worker.add_job('lanes', '{"ids":["1"]}', run_at => now() - interval '5 seconds')`;
    await database.pool.query(due);
    await retention.run();
    expect(await users(database)).toEqual(['oOld']);
    expect(retention.pauseMs()).toBe(2_000);
    // Neither what is not due yet nor what a worker is about to take is a queue.
    await database.pool.query(`update graphile_worker._private_jobs set run_at = now() + interval '1 hour'`);
    await database.pool.query(`select graphile_worker.add_job('lanes', '{"ids":["1"]}')`);
    await retention.run();
    expect(await users(database)).toEqual([]);
  });

  test('is run by one process at a time', async () => {
    await tell(database.pool, 'wx', [old]);
    await whileOther(`select pg_advisory_xact_lock(${lockClass}, ${advisoryLocks.retention})`, async () => {
      await create().run();
      expect(await users(database)).toEqual(['oOld']);
    });
    await create().run();
    expect(await users(database)).toEqual([]);
  });

  test('waits for nobody who has a message locked', async () => {
    await tell(database.pool, 'wx', [old, { ...old, openid: 'oLocked' }, old]);
    await whileOther(`select from wechat.inbound_message where openid = 'oLocked' for update`, async () => {
      await create().run();
      expect(await users(database)).toEqual(['oLocked']);
    });
  });

  test('is small, begins with the oldest, goes on where the last one ended, and leaves time for others', async () => {
    await tell(database.pool, 'wx', many(510));
    const retention = create(3);
    await retention.run();
    expect(await users(database)).toEqual(
      many(510)
        .slice(500)
        .map(({ openid }) => openid),
    );
    // Each of three workers waits so long: together they run a batch each 250 ms.
    expect(retention.pauseMs()).toBe(750);
    // What comes to lie before that is not seen.
    await database.pool.query(`update wechat.inbound_message set id = default where openid = 'o503'`);
    await database.pool.query(
      `insert into wechat.inbound_message (id, app_id, dedupe_key, openid, msg_type, created_at, received_at, payload,
         status, settled_at) overriding system value
       select 1, app_id, 'x', 'oBefore', msg_type, created_at, received_at, payload, status, settled_at
       from wechat.inbound_message where openid = 'o504'`,
    );
    await retention.run();
    expect(await users(database)).toEqual(['oBefore']);
    expect(retention.pauseMs()).toBe(60_000);
  });

  test('begins from the start again after an hour: what was passed over may be old by now', async () => {
    await tell(database.pool, 'wx', [{ ...old, openid: 'oLater', status: 'received', replies: [] }, old]);
    const retention = create();
    await retention.run();
    await retention.run();
    await database.pool.query(
      `update wechat.inbound_message set status = 'settled', settled_at = now() - interval '31 days'`,
    );
    await retention.run();
    expect(await users(database)).toEqual(['oLater']);
    clockMs += hourMs;
    await retention.run();
    await retention.run();
    expect(await users(database)).toEqual([]);
  });

  test('is followed by the workers that ended before that; what people did stays on record', async () => {
    const { rows } = database;
    const workers = await rows<{ id: number }>(
      `insert into wechat.worker_process (hostname, pid, ended_at)
       values ('old', 1, now() - interval '31 days'), ('held', 2, now() - interval '31 days'),
         ('young', 3, now() - interval '29 days'), ('alive', 4, null)
       returning id`,
    );
    await tell(database.pool, 'wx', [{ ...old, status: 'received', replies: [] }]);
    await rows('update wechat.lane set claim = 1, worker_id = $1, claimed_at = now()', [workers[1]?.id]);
    await rows(
      `insert into wechat.operator_action (acted_at, actor, action, details, affected)
       values (now() - interval '1 year', 'anna', 'cancel', '{}', 1)`,
    );
    await create().run();
    expect(await rows('select hostname from wechat.worker_process order by id')).toEqual([
      { hostname: 'held' },
      { hostname: 'young' },
      { hostname: 'alive' },
    ]);
    expect(await rows('select from wechat.operator_action')).toHaveLength(1);
  });
});
