import { beforeEach, describe, expect, test } from 'vitest';
import { createRetention, type Retention } from '../../src/worker/retention.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { storeYear, type Told, tell } from '../support/history.js';
import { sampleValue, scrape } from '../support/scrape.js';
import { setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const days = 24;
const hourMs = 3_600_000;

const old: Told = {
  openid: 'oOld',
  hoursAgo: 60 * days,
  text: 'hi',
  replies: [{ text: 'a' }, { text: 'b' }],
};
const young: Told = { openid: 'oYoung', hoursAgo: 29 * days, text: 'hi', replies: [{ text: 'a' }] };

const users = async ({ rows }: Pick<TestDatabase, 'rows'>) =>
  (await rows<{ openid: string }>('select openid from wechat.inbound_message order by id')).map(
    ({ openid }) => openid,
  );

const many = (count: number): Told[] =>
  Array.from({ length: count }, (_, index) => ({ openid: `o${index}`, hoursAgo: 60 * days, text: 'hi' }));

describe('a worker', () => {
  test('deletes what was settled longer ago, with deliveries and attempts, and says so', async () => {
    const { account, database, start } = await setStage();
    await tell(database.pool, account.appId, [old, { ...old, status: 'failed', replies: [] }, young]);
    const { adminUrl, logged } = await start({ role: 'worker', settings: { RETENTION_DAYS: '30' } });
    await waitFor('the old messages to go', async () => (await users(database)).length === 1);
    expect(await users(database)).toEqual(['oYoung']);
    for (const table of ['delivery', 'delivery_attempt'])
      expect(await database.rows(`select from wechat.${table}`), table).toHaveLength(1);
    const line = await waitFor('the line in the log', () =>
      logged.find(({ event }) => event === 'retention'),
    );
    expect(line).toMatchObject({ level: 'info', messages: 2, workers: 0, older_than_days: 30 });
    expect(sampleValue(await scrape(adminUrl), 'wechat_outbox_retention_deleted_total')).toBe(2);
  });

  test('and another share the work', async () => {
    const { account, database, start } = await setStage();
    await storeYear(database.pool, account.appId, 2_000);
    const count = async () => (await users(database)).length;
    const settings = { RETENTION_DAYS: '30' };
    const services = [await start({ role: 'worker', settings }), await start({ role: 'worker', settings })];
    const kept = await waitFor('all that is old to go', async () => {
      const [row] = await database.rows<{ old: number }>(
        `select count(*)::int as old from wechat.inbound_message where settled_at < now() - interval '30 days'`,
      );
      return row?.old === 0 && count();
    });
    const deleted = await waitFor('both to have counted', async () => {
      const samples = await Promise.all(services.map(({ adminUrl }) => scrape(adminUrl)));
      const each = samples.map((sample) => sampleValue(sample, 'wechat_outbox_retention_deleted_total') ?? 0);
      return each.reduce((sum, one) => sum + one, 0) === 2_000 - kept && each;
    });
    expect(Math.max(...deleted)).toBeGreaterThan(0);
    const failures = services.flatMap(({ logged }) =>
      logged.filter(({ event }) => event === 'maintenance_failed'),
    );
    expect(failures).toEqual([]);
  });

  test('keeps everything where nothing else is set', async () => {
    const { account, database, start } = await setStage();
    await tell(database.pool, account.appId, [old]);
    await database.pool.query(`insert into wechat.worker_process (hostname, pid) values ('gone', 1)`);
    // By the time that a dead worker is given up, the first batch would long have been deleted.
    const { logged } = await start({ role: 'worker', settings: { RESCUE_AFTER: '4' } });
    await waitFor('the rescue', () => logged.find(({ event }) => event === 'rescued'));
    expect(await users(database)).toEqual(['oOld']);
  });
});

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

  /** A batch takes five milliseconds by this clock. */
  function create(workers = 1): Retention {
    return createRetention({
      pool: database.pool,
      days: 30,
      isBusy: () => isBusy,
      workers: () => workers,
      now: () => {
        clockMs += 5;
        return clockMs;
      },
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
    expect(await users(database)).toEqual(['oUnsettled', 'oRequeued', 'oSettledLately', 'oOpenWindow']);
    expect(deleted).toBe(1);
  });

  test('is not run while messages wait to be worked on, or this process has its hands full', async () => {
    await tell(database.pool, 'wx', [old]);
    const retention = create();
    isBusy = true;
    await retention.run();
    isBusy = false;
    const due = `select graphile_worker.add_job('answer', '{"ids":["1"]}', run_at => now() - interval '5 seconds')`;
    await database.pool.query(due);
    await retention.run();
    expect(await users(database)).toEqual(['oOld']);
    expect(retention.pauseMs()).toBe(2_000);
    // Neither what is not due yet nor what a worker is about to take is a queue.
    await database.pool.query(`update graphile_worker._private_jobs set run_at = now() + interval '1 hour'`);
    await database.pool.query(`select graphile_worker.add_job('answer', '{"ids":["1"]}')`);
    await retention.run();
    expect(await users(database)).toEqual([]);
  });

  test('is run by one process at a time', async () => {
    await tell(database.pool, 'wx', [old]);
    await whileOther('select pg_advisory_xact_lock(1467502434, -1)', async () => {
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
    await tell(database.pool, 'wx', many(120));
    const retention = create(3);
    await retention.run();
    expect(await users(database)).toEqual(
      many(120)
        .slice(50)
        .map(({ openid }) => openid),
    );
    expect(retention.pauseMs()).toBe(5 * 24 * 3);
    // What comes to lie before that is not seen.
    await database.pool.query(`update wechat.inbound_message set id = default where openid = 'o60'`);
    await database.pool.query(
      `insert into wechat.inbound_message (id, app_id, dedupe_key, openid, msg_type, created_at, received_at, payload,
         status, settled_at) overriding system value
       select 1, app_id, 'x', 'oBefore', msg_type, created_at, received_at, payload, status, settled_at
       from wechat.inbound_message where openid = 'o61'`,
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
    await rows('update wechat.inbound_message set claimed_by = $1', [workers[1]?.id]);
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
