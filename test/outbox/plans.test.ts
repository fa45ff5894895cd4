import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { AccountConfig } from '../../src/config/account.js';
import { createPool, type Pool, type PoolOptions } from '../../src/db/pool.js';
import type { HeldLane } from '../../src/outbox/lane.js';
import { createLook } from '../../src/outbox/look.js';
import { reconcile } from '../../src/outbox/reconcile.js';
import { rescue } from '../../src/outbox/rescue.js';
import { createSettle } from '../../src/outbox/settle.js';
import { createHistory } from '../../src/replies/context/history.js';
import { createTestDatabase } from '../support/database.js';
import { createLanes } from '../support/lanes.js';
import {
  answerBy,
  checkPlans,
  type Explained,
  explaining,
  jitAboveCost,
  keepStatistics,
  storeHistory,
  storeWaiting,
} from '../support/plans.js';

/** A longer look: PLANS_HISTORY=1000000 PLANS_LANES=100000. DATABASE_URL chooses the server. */
const history = Number(process.env.PLANS_HISTORY ?? 20_000);
const waiting = Number(process.env.PLANS_LANES ?? 20_000);

/**
 * A database whose statistics are as the test makes them, and a connection as the service has them.
 *
 * @param options.planAgeMs plans are kept, and so made without a look at the parameters
 */
async function openDatabase(options: Pick<PoolOptions, 'planAgeMs'> = {}) {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await keepStatistics(database.pool);
  const client = await openPool(database.url, options).connect();
  onTestFinished(() => client.release());
  // As a server has it that nobody has set up: JIT is on in some packages and off in others.
  await client.query('set jit = on');
  return { database, client };
}

function openPool(connectionString: string, options: Partial<PoolOptions> = {}): Pool {
  const pool = createPool({
    connectionString,
    name: 'plans',
    max: 1,
    statementTimeoutMs: 120_000,
    onError: () => undefined,
    ...options,
  });
  onTestFinished(() => pool.end());
  return pool;
}

const states = [10, history].flatMap((answered) =>
  [false, true].flatMap((isAnalysed) =>
    (answered === history ? [0, 60_000] : [0]).map((planAgeMs) => ({
      answered,
      waiting,
      isAnalysed,
      planAgeMs,
    })),
  ),
);

test.each(states)(
  'with $answered answered messages all that is read is found by its key, few lanes or many (analysed while empty: $isAnalysed; plans kept for $planAgeMs ms)',
  async (state) => {
    const { database, client } = await openDatabase(state);
    await checkPlans(database.pool, client, state);
  },
);

test('plans that were made while the tables were empty last for moments', async () => {
  const { database } = await openDatabase();
  const pool = openPool(database.url, { planAgeMs: 500 });
  const filler = openPool(database.url);
  const rowsScanned = async () => {
    // A connection tells what it read once a second at most: the filler's own reading would be counted here later.
    for (const each of [filler, pool]) await each.query('select pg_stat_force_next_flush()');
    const [row] = await database.rows<{ count: number }>(
      `select sum(seq_tup_read)::int as count from pg_stat_user_tables
       where relname in ('inbound_message', 'delivery', 'delivery_attempt', 'lane')`,
    );
    return row?.count ?? 0;
  };
  // From the sixth execution on Postgres keeps a plan.
  for (let nth = 0; nth < 8; nth += 1) await answerBy(pool, 5, `empty${nth}-`);
  await storeHistory(filler, history);
  await storeWaiting(filler, waiting);
  await sleep(500);
  const before = await rowsScanned();
  await answerBy(pool, 5, 'full');
  expect((await rowsScanned()) - before).toBe(0);
});

test.each([
  { isAnalysed: false, planAgeMs: 0 },
  { isAnalysed: true, planAgeMs: 0 },
  { isAnalysed: true, planAgeMs: 60_000 },
])(
  'what was said before is found by its conversation (analysed: $isAnalysed; plans kept for $planAgeMs ms)',
  async ({ isAnalysed, planAgeMs }) => {
    const { database, client } = await openDatabase({ planAgeMs });
    await storeHistory(database.pool, history);
    if (isAnalysed) await database.pool.query('analyze wechat.inbound_message, wechat.delivery');
    const explained: Explained[] = [];
    const pool = explaining(client, explained) as Pool;
    const historyOf = createHistory({ pool, giveUp: new AbortController().signal });
    const account = { appId: 'wx-lanes' } as AccountConfig;
    const turns = 10;
    const asked = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        historyOf({ account, openid: `old${n}`, messageId: '999999999' }, turns),
      ),
    );
    expect(asked.map(({ length }) => length)).toEqual(asked.map(() => turns));
    expect(explained.map(({ name }) => name)).toContain('history');
    expect(explained.filter(({ scanned, isCompiled }) => scanned.length > 0 || isCompiled)).toEqual([]);
    // Of each its messages, of which it may look at a thousand, and a delivery for each.
    const most = asked.length * Math.min(1_000, history / 1_000) * 3;
    expect(explained.filter(({ rows }) => rows > most)).toEqual([]);
  },
);

test('a sweep reads the lanes, and is not compiled either', async () => {
  const { database, client } = await openDatabase();
  await storeWaiting(database.pool, waiting);
  const explained: Explained[] = [];
  await database.pool.query(
    `update wechat.lane set claim = id, worker_id = 999, claimed_at = now() where id % 10 = 0`,
  );
  expect(await rescue(explaining(client, explained) as Pool, 60_000)).toMatchObject({ lanes: waiting / 10 });
  expect(explained.filter(({ cost, isCompiled }) => cost > jitAboveCost || isCompiled)).toEqual([]);
});

test('what has lost its ring is looked for by one look at the lanes and one at the jobs, however many there are', async () => {
  const { database, client } = await openDatabase();
  await storeWaiting(database.pool, waiting);
  await database.pool.query(
    `select wechat.ring(array_agg(id), array_agg(false), array_agg(due_at)) from wechat.lane group by id % 500`,
  );
  await database.pool.query('analyze wechat.lane');
  await database.pool.query(`update wechat.lane set due_at = now() - interval '1 hour' where id % 100 = 0`);
  const explained: Explained[] = [];
  expect(await reconcile(explaining(client, explained) as Pool)).toBe(waiting / 100);
  expect(explained.filter(({ rows }) => rows > 1.5 * waiting)).toEqual([]);
});

test('a lane of ten thousand messages costs the same from the first to the last', async () => {
  const { database, client } = await openDatabase();
  const openid = 'oLong';
  const lanes = createLanes(database.pool);
  const first = await lanes.say(openid);
  await storeWaiting(database.pool, 1_000);
  await database.pool.query(
    `insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, payload, created_at, window_ends_at)
     select app_id, openid, 'long:' || n, msg_type, payload, created_at, window_ends_at
     from wechat.inbound_message, generate_series(2, 10000) n where id = $1`,
    [first],
  );
  await database.pool.query('update wechat.lane set arrivals = 10000, waiting = 10000 where openid = $1', [
    openid,
  ]);
  const worker = await lanes.worker();
  let lane: HeldLane | undefined = await worker.take(openid);
  const explained: Explained[] = [];
  const pool = explaining(client, explained) as Pool;
  const [look, settle] = [createLook(pool), createSettle(pool)];

  async function costOf(count: number): Promise<number> {
    const before = explained.length;
    for (let n = 0; n < count && lane; n += 1) {
      await settle([{ lane, status: 'settled' }]);
      [lane] = await look([lane]);
    }
    const costs = explained.slice(before);
    expect(costs.filter(({ scanned, rows }) => scanned.length > 1 || rows > 20)).toEqual([]);
    return costs.reduce((sum, { buffers }) => sum + buffers, 0) / count;
  }

  const atFirst = await costOf(50);
  // The middle, by hand.
  if (lane) await worker.settle(lane);
  await database.pool.query(
    `with middle as materialized (
       select id from wechat.inbound_message where openid = $1 and settled_at is null order by id limit 9900
     ),
     settled as (
       update wechat.inbound_message m set status = 'settled', settled_at = now() from middle where m.id = middle.id
     )
     update wechat.lane set waiting = waiting - 9900, done_id = (select max(id) from middle) where openid = $1`,
    [openid],
  );
  lane = lane && (await worker.look(lane));
  expect(await costOf(40)).toBeLessThan(atFirst * 1.5);
});
