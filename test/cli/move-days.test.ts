import type pg from 'pg';
import { expect, test } from 'vitest';
import { copyMessages, dropMessages } from '../../src/cli/move/copy-messages.js';
import { readDays } from '../../src/console/server/overview/analytics-days.js';
import { inTransaction } from '../../src/db/transaction.js';
import { countNextDay } from '../../src/worker/count-days.js';
import type { TestDatabase } from '../support/database.js';
import { setTwoDatabases } from '../support/two-databases.js';

/** A message that came so many days ago, and was answered. */
async function store({ rows }: TestDatabase, appId: string, daysAgo: number): Promise<string> {
  const [row] = await rows<{ id: string }>(
    `with message as (
       insert into wechat.inbound_message
         (app_id, dedupe_key, openid, msg_type, content, created_at, received_at, payload, status, settled_at)
       select $1, gen_random_uuid()::text, 'oUser', 'text', 'x', at, at, '{}', 'settled', at
       from (select now() - $2 * interval '1 day' as at) one
       returning id, app_id, openid, received_at)
     insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, attempts, created_at, sent_at)
     select id, 1, app_id, openid, 'text', '{}', 'sent', 1, received_at, received_at from message
     returning message_id as id`,
    [appId, daysAgo],
  );
  return String(row?.id);
}

async function countAll(pool: pg.Pool): Promise<number> {
  let counted = 0;
  while ((await countNextDay(pool)) !== undefined) counted += 1;
  return counted;
}

/** The account's messages by days ago, as the console tells them. */
async function toldOf({ pool, rows }: TestDatabase, appId: string): Promise<Record<number, number>> {
  const [range] = await rows<{ first: string; last: string }>(
    `select wechat.china_day(now() - interval '30 days')::text as first, wechat.china_day(now())::text as last`,
  );
  const { series } = await readDays(async (text, values) => (await pool.query(text, values)).rows, {
    ...{ first: range?.first ?? '', last: range?.last ?? '', account: appId },
  });
  return Object.fromEntries(
    series.map(({ at, messages }) => [
      Math.round((Date.now() - Date.parse(String(at))) / 86_400_000 - 0.5),
      messages,
    ]),
  );
}

test('figures by day of the database to which an account moved have its history, and lose it when it goes', async () => {
  const { source, target, appId, sides, prepare } = await setTwoDatabases();
  await store(target, 'wx-other', 3);
  // Before anything that the target has, with ids behind it; and a day that the target has counted.
  const ids = [await store(source, appId, 9), await store(source, appId, 3)];
  expect(await countAll(target.pool)).toBeGreaterThan(2);
  const { atTarget } = await prepare();
  await inTransaction(source.pool, 'begin', (client) => copyMessages(sides, client, atTarget, ids));
  expect(await toldOf(target, appId)).toEqual({ 3: 1, 9: 1 });
  expect(await countAll(target.pool)).toBeGreaterThan(1);
  expect(await target.rows('select from wechat.changed_day')).toEqual([]);
  expect(await toldOf(target, appId)).toEqual({ 3: 1, 9: 1 });
  const kept = `select count(*)::int as days from wechat.day_figures where app_id = $1 and messages = 1 and sent = 1`;
  expect(await target.rows(kept, [appId])).toEqual([{ days: 2 }]);

  const copies = await target.rows<{ id: string }>(
    'select id from wechat.inbound_message where app_id = $1',
    [appId],
  );
  await inTransaction(target.pool, 'begin', (client) =>
    dropMessages(
      client,
      appId,
      copies.map(({ id }) => id),
    ),
  );
  expect(await toldOf(target, appId)).toEqual({});
  await countAll(target.pool);
  expect(await target.rows(kept, [appId])).toEqual([{ days: 0 }]);
});
