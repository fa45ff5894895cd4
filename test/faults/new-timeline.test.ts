import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate.js';
import { createPool } from '../../src/db/pool.js';
import { noteTimeline } from '../../src/db/timeline.js';
import { startOwnPostgres } from '../support/own-postgres.js';
import { waitFor } from '../support/wait.js';

test('a server that comes back on another timeline is noted by the first connection, before anything is written', async () => {
  const postgres = await startOwnPostgres();
  await migrateDatabase(postgres.url, () => undefined);
  const timelines: number[] = [];
  const pool = createPool({
    ...{ connectionString: postgres.url, name: 'under-test', max: 1, statementTimeoutMs: 5_000 },
    writes: true,
    onError: () => undefined,
    onTimeline: ({ timeline }) => timelines.push(timeline),
  });
  onTestFinished(() => pool.end());
  await noteTimeline(pool);
  const store = `insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, content, created_at, payload)
    values ('wx1', gen_random_uuid()::text, 'oUser', 'text', 'x', now(), '{}') returning id`;
  await pool.query(store);
  expect(timelines).toEqual([]);

  await postgres.stop('immediate');
  await waitFor('the connection to be gone', () => pool.totalCount === 0);
  await postgres.start();
  // Whoever restores a server to a moment brings it back like this: the files say another timeline than what is noted in them.
  const other = new pg.Client({ connectionString: postgres.url });
  await other.connect();
  await other.query('update wechat.database_timeline set timeline = timeline + 1000');
  await other.end();

  const { rows } = await pool.query<{ id: string }>(store);
  expect(timelines).toEqual([1]);
  expect(Number(rows[0]?.id)).toBeGreaterThan(100_000_000);
});
