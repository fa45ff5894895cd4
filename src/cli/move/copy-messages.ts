import type { PoolClient } from 'pg';
import { copyTo } from './copy-to.js';
import { isOver, noteDays } from './figures.js';
import { MoveError } from './move-error.js';
import type { MoveRecord, Offsets } from './record.js';
import { type Sides, TryAgainError } from './sides.js';
import { addRows, messages, ofMessages } from './tables.js';

/** Files are large: they are read one by one. */
const largeTable = 'inbound_media';

/**
 * Makes the target's copy of these messages what the source has now: with deliveries, attempts and all else that is theirs.
 * What was copied before is replaced, and what is gone goes. All in one transaction, so it may be cut off and done again.
 *
 * @param client with a snapshot of the source
 */
export async function copyMessages(
  sides: Sides,
  client: PoolClient,
  record: MoveRecord,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const { appId } = sides;
  const { rows } = await client.query<{ found: string; number: number; last: string | null }>(
    `select coalesce(json_agg(t order by t.id), '[]')::text as found, count(*)::int as number, max(t.id) as last
     from wechat.inbound_message t where t.app_id = $1 and t.id = any($2::bigint[])`,
    [appId, ids],
  );
  const [{ found, number, last } = { found: '[]', number: 0, last: null }] = rows;
  if (last !== null && BigInt(last) + BigInt(record.offsets.message) > BigInt(record.blockEnds))
    throw new MoveError(sides.words.blockFull);

  await copyTo(sides, { from: client, record }, async (at) => {
    await dropCopies(at, appId, record.offsets, ids);
    if (number === 0) return;
    await dropOwn(at, record, found);
    const before = await olderKeys(at, record, found);
    const added = await addRows(at, messages, found, record.offsets);
    // WeChat brought one of them to the target in this moment.
    if (added < number - before) throw new TryAgainError();
    await addWhatBelongs(client, at, record.offsets, ids);
  });
}

async function addWhatBelongs(
  from: PoolClient,
  at: PoolClient,
  offsets: Offsets,
  ids: readonly string[],
): Promise<void> {
  const { rows: there } = await at.query<{ id: string }>(
    'select m.id - $2::bigint as id from wechat.inbound_message m where m.id = any(array(select id + $2::bigint from unnest($1::bigint[]) one (id)))',
    [ids, offsets.message],
  );
  const copied = there.map(({ id }) => id);
  for (const table of ofMessages) {
    if (table.name === largeTable) {
      await addFiles(from, at, table, offsets, copied);
      continue;
    }
    const { rows } = await from.query<{ found: string | null }>(
      `select json_agg(t)::text as found from wechat.${table.name} t where ${table.found}`,
      [copied],
    );
    const found = rows[0]?.found;
    if (found) await addRows(at, table, found, offsets);
  }
  await noteDays(at, shifted(copied, offsets));
}

async function addFiles(
  from: PoolClient,
  at: PoolClient,
  table: (typeof ofMessages)[number],
  offsets: Offsets,
  ids: readonly string[],
): Promise<void> {
  const { rows: keys } = await from.query<{ message_id: string; position: number }>(
    `select t.message_id, t.position from wechat.${table.name} t where ${table.found}`,
    [ids],
  );
  for (const { message_id, position } of keys) {
    const { rows } = await from.query<{ found: string | null }>(
      `select json_agg(t)::text as found from wechat.${table.name} t where t.message_id = $1 and t.position = $2`,
      [message_id, position],
    );
    const found = rows[0]?.found;
    if (found) await addRows(at, table, found, offsets);
  }
}

/** @param ids of the source */
export async function dropCopies(
  at: PoolClient,
  appId: string,
  offsets: Offsets,
  ids: readonly string[],
): Promise<void> {
  await dropMessages(at, appId, shifted(ids, offsets));
}

/** The target's ids of the source's messages. */
const shifted = (ids: readonly string[], { message }: Offsets) =>
  ids.map((id) => (BigInt(id) + BigInt(message)).toString());

/** Messages of an account that nobody works on, with all that is theirs. Their days are counted again. */
export async function dropMessages(at: PoolClient, appId: string, ids: readonly string[]): Promise<void> {
  await at.query(
    `with message as (
       delete from wechat.inbound_message m where m.app_id = $1 and m.id = any($2::bigint[]) returning m.id, m.received_at
     ),
     delivery as (
       delete from wechat.delivery d using message where d.message_id = message.id returning d.id, d.created_at
     ),
     noted as (
       insert into wechat.changed_day (day)
       select wechat.china_day(received_at) from message where ${isOver('received_at')}
       union
       select wechat.china_day(created_at) from delivery where ${isOver('created_at')}
     ),
     attempt as (delete from wechat.delivery_attempt a using delivery where a.delivery_id = delivery.id),
     once as (delete from wechat.once_result o using message where o.message_id = message.id),
     call as (delete from wechat.model_call c using message where c.message_id = message.id),
     callback as (delete from wechat.reply_callback c using message where c.message_id = message.id),
     found as (delete from wechat.reply_check c using message where c.message_id = message.id)
     delete from wechat.inbound_media i using message where i.message_id = message.id`,
    [appId, ids],
  );
}

/**
 * A message that WeChat brought to both: the source may have answered it, the target cannot have. So the target's own goes, and the
 * lane that it made is looked through like that of any duplicate.
 */
async function dropOwn(at: PoolClient, { blockEnds }: MoveRecord, found: string): Promise<void> {
  await at.query(
    `with own as (
       delete from wechat.inbound_message m
       using json_populate_recordset(null::wechat.inbound_message, $1::json) r
       where m.app_id = r.app_id and m.dedupe_key = r.dedupe_key and m.id > $2::bigint
       returning m.received_at
     )
     insert into wechat.changed_day (day)
     select distinct wechat.china_day(received_at) from own where ${isOver('received_at')}`,
    [found, blockEnds],
  );
}

/** How many the target has from a time when the account was there before: they are the same, and stay. */
async function olderKeys(at: PoolClient, { offsets }: MoveRecord, found: string): Promise<number> {
  const { rows } = await at.query<{ number: number }>(
    `select count(*)::int as number
     from wechat.inbound_message m
     join json_populate_recordset(null::wechat.inbound_message, $1::json) r
       on m.app_id = r.app_id and m.dedupe_key = r.dedupe_key
     where m.id <= $2::bigint`,
    [found, offsets.message],
  );
  return rows[0]?.number ?? 0;
}
