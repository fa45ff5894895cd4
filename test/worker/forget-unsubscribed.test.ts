import { describe, expect, test } from 'vitest';
import { advisoryLocks, lockClass } from '../../src/db/locks.js';
import { forgetUnsubscribed, lookForUnsubscribed } from '../../src/outbox/forget-unsubscribed.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Told, tell } from '../support/history.js';
import { type Stage, setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const day = 24;
const said = (openid: string, days: number): Told => ({
  openid,
  hoursAgo: days * day,
  text: `the secret of ${openid}`,
  replies: [{ text: `to ${openid}` }],
});
const left = (openid: string, days: number): Told => ({ openid, hoursAgo: days * day, event: 'unsubscribe' });
const joined = (openid: string, days: number): Told => ({ openid, hoursAgo: days * day, event: 'subscribe' });

/** In the order in which it happened. */
const history: readonly Told[] = [
  said('oGone', 40),
  said('oBack', 40),
  said('oTwice', 40),
  said('oStays', 40),
  said('oLate', 40),
  left('oGone', 30),
  left('oBack', 30),
  left('oTwice', 30),
  joined('oTwice', 29),
  // Told by the platform although the user is gone.
  { openid: 'oGone', hoursAgo: 28 * day, event: 'templatesendjobfinish' },
  left('oTwice', 20),
  said('oBack', 10),
  left('oLate', 3),
];

const users = async ({ rows }: Pick<TestDatabase, 'rows'>) =>
  (
    await rows<{ openid: string }>(
      `select distinct case when forgotten_at is null then openid else 'forgotten' end as openid
       from wechat.inbound_message order by 1`,
    )
  ).map(({ openid }) => openid);

async function withHistory(told: readonly Told[] = history): Promise<Stage> {
  const stage = await setStage();
  await tell(stage.database.pool, stage.account.appId, told);
  return stage;
}

async function unsubscribedId({ rows }: TestDatabase, openid: string): Promise<string> {
  const [row] = await rows<{ id: string }>(
    `select max(id) as id from wechat.inbound_message where openid = $1 and event = 'unsubscribe'`,
    [openid],
  );
  return row?.id ?? '';
}

describe('FORGET_AFTER_UNSUBSCRIBE', () => {
  test('forgets who left so long ago and did not come back, and puts it on record', async () => {
    const { database, start } = await withHistory();
    const { logged } = await start({ role: 'worker', settings: { FORGET_AFTER_UNSUBSCRIBE: '7' } });
    const line = await waitFor('the line in the log', () =>
      logged.find(({ event }) => event === 'forgotten'),
    );
    expect(line).toMatchObject({ level: 'info', users: 2, unsubscribed_days_ago: 7 });
    expect(await users(database)).toEqual(['forgotten', 'oBack', 'oLate', 'oStays']);
    expect(
      await database.rows(`select from wechat.inbound_message where openid in ('oGone', 'oTwice')`),
    ).toEqual([]);
    const actions = await database.rows(
      'select actor, action, affected from wechat.operator_action order by affected',
    );
    expect(actions).toEqual([
      { actor: 'system', action: 'forget', affected: 3 },
      { actor: 'system', action: 'forget', affected: 4 },
    ]);
    expect(await database.rows('select from wechat.lane')).toEqual([]);
  });

  test('is off, where nothing else is set', async () => {
    const { database, start } = await withHistory();
    await database.pool.query(`insert into wechat.worker_process (hostname, pid) values ('gone', 1)`);
    const { logged } = await start({ role: 'worker', settings: { RESCUE_AFTER: '4' } });
    await waitFor('the rescue', () => logged.find(({ event }) => event === 'rescued'));
    expect(await users(database)).not.toContain('forgotten');
  });

  test('with no days of grace forgets whoever left, and still nobody who is there', async () => {
    const { database, start } = await withHistory();
    await start({ role: 'worker', settings: { FORGET_AFTER_UNSUBSCRIBE: '0' } });
    await waitFor('the last who left', async () => !(await users(database)).includes('oLate'));
    expect(await users(database)).toEqual(['forgotten', 'oBack', 'oStays']);
  });
});

describe('a user who left', () => {
  test('and came back in the very moment is not forgotten, and nothing of the attempt stays', async () => {
    const { database } = await withHistory();
    expect(await forgetUnsubscribed(database.pool, await unsubscribedId(database, 'oBack'))).toBe(
      'came_back',
    );
    const [first] = await database.rows<{ id: string }>(
      `select min(id) as id from wechat.inbound_message where openid = 'oTwice' and event = 'unsubscribe'`,
    );
    expect(await forgetUnsubscribed(database.pool, first?.id ?? '')).toBe('came_back');
    expect(await users(database)).not.toContain('forgotten');
    for (const table of ['lane', 'operator_action'])
      expect(await database.rows(`select from wechat.${table}`), table).toEqual([]);
  });

  test('is left for later while a worker has them in hand, or another process forgets', async () => {
    const { account, database } = await withHistory();
    const id = await unsubscribedId(database, 'oGone');
    // Whatever it is that holds the lane.
    await database.rows(
      `insert into wechat.lane (app_id, openid, arrivals, waiting, done_id) values ($1, 'oGone', 1, 1, 0)`,
      [account.appId],
    );
    const other = await database.pool.connect();
    await other.query('begin');
    await other.query('select from wechat.lane for update');
    expect(await forgetUnsubscribed(database.pool, id)).toBe('in_hand');
    await other.query('select pg_advisory_xact_lock($1, $2)', [lockClass, advisoryLocks.forget]);
    expect(await forgetUnsubscribed(database.pool, id)).toBe('busy');
    await other.query('rollback');
    other.release();
    expect(await forgetUnsubscribed(database.pool, id)).toBe('forgotten');
    expect(await forgetUnsubscribed(database.pool, id)).toBe('gone');
  });
});

test('who left is found by an index of such events alone, which no closing update touches', async () => {
  const database = await createTestDatabase();
  await database.rows(
    `insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, event, payload, created_at, received_at)
     select 'wx', 'o' || n, n, case when n % 1000 = 0 then 'event' else 'text' end,
       case when n % 1000 = 0 then 'unsubscribe' end, '{}', now() - interval '1 day', now() - interval '1 day'
     from generate_series(1, 20000) n`,
  );
  await database.rows('vacuum analyze wechat.inbound_message');
  const first = await lookForUnsubscribed(database.pool, { afterId: '0', limit: 7, days: 0.5 });
  expect(first).toMatchObject({ passed: 7, position: '7000' });
  expect(first.candidates).toHaveLength(7);
  const rest = await lookForUnsubscribed(database.pool, { afterId: '7000', limit: 50, days: 0.5 });
  expect(rest).toMatchObject({ passed: 13, position: '20000' });
  const young = await lookForUnsubscribed(database.pool, { afterId: '0', limit: 7, days: 2 });
  expect(young).toMatchObject({ passed: 0, position: undefined, candidates: [] });

  const scans = async () =>
    (
      await database.rows<{ index: number; hot: number }>(
        `select (select idx_scan::int from pg_stat_user_indexes where indexrelname = 'inbound_message_unsubscribed') as index,
           (select n_tup_hot_upd::int from pg_stat_user_tables where relname = 'inbound_message') as hot`,
      )
    )[0];
  await waitFor('the index to have been used', async () => ((await scans())?.index ?? 0) >= 3);
  // Each on a page with room.
  await database.rows(
    `update wechat.inbound_message set status = 'settled', settled_at = now() where event = 'unsubscribe'`,
  );
  await waitFor('its updates to be counted as HOT', async () => (await scans())?.hot === 20);
  await database.drop();
});
