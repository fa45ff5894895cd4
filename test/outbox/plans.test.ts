import { expect, onTestFinished, test } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createArrive } from '../../src/outbox/arrive.js';
import type { HeldLane } from '../../src/outbox/lane.js';
import { createLook } from '../../src/outbox/look.js';
import { rescue } from '../../src/outbox/rescue.js';
import { createSettle } from '../../src/outbox/settle.js';
import { createTestDatabase } from '../support/database.js';
import { createLanes } from '../support/lanes.js';
import {
  checkPlans,
  type Explained,
  explaining,
  jitAboveCost,
  keepStatistics,
  storeWaiting,
} from '../support/plans.js';

/** A longer look: PLANS_HISTORY=1000000 PLANS_LANES=100000. DATABASE_URL chooses the server. */
const history = Number(process.env.PLANS_HISTORY ?? 20_000);
const waiting = Number(process.env.PLANS_LANES ?? 40_000);

/** A database whose statistics are as the test makes them, and a connection as the service has them. */
async function openDatabase() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await keepStatistics(database.pool);
  const pool = createPool({
    connectionString: database.url,
    name: 'plans',
    max: 1,
    statementTimeoutMs: 120_000,
    onError: () => undefined,
  });
  const client = await pool.connect();
  onTestFinished(async () => {
    client.release();
    await pool.end();
  });
  // As a server has it that nobody has set up: JIT is on in some packages and off in others.
  await client.query('set jit = on');
  return { database, client };
}

const states = [10, history].flatMap((answered) =>
  [false, true].map((isAnalysed) => ({ answered, waiting, isAnalysed })),
);

test.each(states)(
  'with $answered answered messages all that is read is found by its key, few lanes or many (analysed while empty: $isAnalysed)',
  async (state) => {
    const { database, client } = await openDatabase();
    await checkPlans(database.pool, client, state);
  },
);

test('a plan of arrive that Postgres keeps reads no table, so it cannot grow old', async () => {
  const { client } = await openDatabase();
  let plan = '';
  const explainGeneric = {
    async query({ text }: { text: string }) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (generic_plan) ${text}`);
      plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      return { rows: [] };
    },
  };
  await createArrive(explainGeneric as unknown as Pool)([]);
  expect(plan).toMatch(/Insert on inbound_message/);
  expect(plan).not.toMatch(/(Seq|Index|Index Only|Heap) Scan/);
});

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
