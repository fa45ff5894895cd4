import { expect, onTestFinished, test } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createClaims } from '../../src/outbox/claim.js';
import { createPlanner } from '../../src/outbox/plan.js';
import { createRecords } from '../../src/outbox/record.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { registerWorker, sent } from '../support/worker.js';

const payloads = [{ msgtype: 'text', text: { content: 'answer' } }];

/** Messages of as many users, all settled or none, each with its delivery. */
async function storeMessages(database: TestDatabase, count: number, state: 'settled' | 'received') {
  const settledAt = state === 'settled' ? 'now()' : 'null';
  const { rows } = await database.pool.query<{ id: string }>(
    `with message as (
       insert into wechat.inbound_message
         (app_id, dedupe_key, openid, msg_type, created_at, payload, status, settled_at)
       select 'wx1', $1 || $2 || n, $1 || $2 || n, 'text', now(), '{}', $1, ${settledAt} from generate_series(1, $2::int) n
       returning id, openid
     )
     insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, sent_at)
     select id, 100, 'wx1', openid, 'text', '{}', case $1 when 'settled' then 'sent' else 'pending' end, ${settledAt}
     from message order by id
     returning message_id as id`,
    [state, count],
  );
  return rows.map(({ id }) => id);
}

/** How many rows the statements of the pool's one connection have fetched so far. */
async function rowsFetched(database: TestDatabase, pool: Pool): Promise<number> {
  await pool.query('select pg_stat_force_next_flush()');
  const [row] = await database.rows<{ fetched: number }>(
    `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as fetched
     from pg_stat_user_tables where schemaname = 'wechat'`,
  );
  return row?.fetched ?? Number.NaN;
}

// Plans are made once. Those of a new installation are made when the tables hold next to nothing, and Postgres may know
// that: then reading a whole index looks as good as a few lookups, and goes on when there are millions of rows.
test('plans made while next to nothing was stored still look rows up by their keys', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pool = createPool({
    connectionString: database.url,
    name: 'test',
    max: 1,
    statementTimeoutMs: 20_000,
    onError: () => undefined,
  });
  onTestFinished(() => pool.end());
  const claims = createClaims(pool);
  const plan = createPlanner(pool);
  const records = createRecords(pool);
  const workerId = await registerWorker(database);

  /** All that a worker does for messages that go well, and the end of one that does not. */
  async function answer(ids: readonly string[]): Promise<number> {
    const claimed = await claims.claim(ids, workerId);
    const planned = await plan(
      claimed.map(({ id }) => ({ messageId: id, workerId, payloads, startFirst: false })),
    );
    let recorded = 0;
    for (const [index, { id: messageId, claimedAt, openid }] of claimed.entries()) {
      const result = planned[index];
      if (result?.kind !== 'planned') continue;
      const [first] = result.deliveries;
      const of = { deliveryId: first?.id ?? '', workerId, attempt: 1 };
      await records.start([of]);
      const [isRecorded] = await records.record([{ ...sent({ ...of, messageId }), settlesMessage: false }]);
      if (isRecorded) recorded += 1;
      const end = { kind: 'released', delayMs: 0, refundAttempt: false } as const;
      await records.finish([{ messageId, workerId, claimedAt, end, error: undefined }]);
      await claims.claimNext([{ appId: 'wx1', openid }], workerId);
    }
    return recorded;
  }

  await storeMessages(database, 50, 'settled');
  await database.pool.query('analyze wechat.inbound_message, wechat.delivery, wechat.delivery_attempt');
  // Here the plans are made.
  expect(await answer(await storeMessages(database, 1, 'received'))).toBe(1);
  const ids = await storeMessages(database, 3_000, 'received');

  const before = await rowsFetched(database, pool);
  expect(await answer(ids.slice(1_000, 1_010))).toBe(10);
  const fetched = (await rowsFetched(database, pool)) - before;
  expect(fetched).toBeGreaterThan(10);
  expect(fetched).toBeLessThan(500);
});
