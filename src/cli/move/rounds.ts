import type { PoolClient } from 'pg';
import { copyMessages } from './copy-messages.js';
import { MoveError } from './move-error.js';
import { type MoveRecord, readRecord } from './record.js';
import { inTransactionWithTries, type Sides } from './sides.js';

/** Messages copied by one transaction. */
const batch = 500;

/** A round of no more than this is over in a moment: then the rest may be copied while the account rests. */
const smallRound = 2_000;

/**
 * Copies the settled messages while the source works, in rounds, each of what came during the one before. What is not settled yet,
 * and what changes afterwards, is noted in `wechat.account_move_change`.
 */
export async function copyInRounds(sides: Sides, record: MoveRecord): Promise<void> {
  for (;;) {
    const copied = await copyRound(sides, record, { openToo: false });
    if (copied < smallRound) return;
  }
}

/**
 * One round: all messages up to the latest that is stored by now, and those that were noted.
 *
 * @param openToo also those that are not settled, for the account rests
 * @returns how many it copied; those that were noted alone do not count, for they would be met again in each round
 */
export async function copyRound(
  sides: Sides,
  record: MoveRecord,
  { openToo }: { openToo: boolean },
): Promise<number> {
  const upTo = await latestId(sides);
  let copied = await copyUpTo(sides, record, upTo, openToo);
  copied += await copyNoted(sides, record, openToo);
  if (openToo) copied += await copyOpen(sides, record);
  return copied;
}

/**
 * Ids are drawn before they are committed. Whoever stores a message has the table locked until then, against this lock: so what is
 * not to be seen up to this id never will be.
 */
function latestId({ source }: Sides): Promise<string> {
  return inTransactionWithTries(source, async (client) => {
    await client.query('lock table wechat.inbound_message in share mode');
    const { rows } = await client.query<{ id: string }>(
      'select last_value as id from wechat.inbound_message_id_seq',
    );
    return rows[0]?.id ?? '0';
  });
}

interface Found {
  id: string;
  is_open: boolean;
}

async function copyUpTo(sides: Sides, record: MoveRecord, upTo: string, openToo: boolean): Promise<number> {
  const { appId, source } = sides;
  let copied = 0;
  for (;;) {
    const { found, number } = await inTransactionWithTries(
      source,
      async (client) => {
        const { copiedUpTo } = await currentRecord(client, appId);
        const { rows } = await client.query<Found>(
          `select m.id, m.settled_at is null as is_open from wechat.inbound_message m
           where m.app_id = $1 and m.id > $2 and m.id <= $3
             and (m.settled_at is null or $4::timestamptz is null or m.received_at >= $4)
           order by m.id limit ${batch}`,
          [appId, copiedUpTo, upTo, record.historySince ?? null],
        );
        const number = await copyOrNote(sides, client, record, rows, openToo);
        const reached = rows.length < batch ? upTo : rows.at(-1)?.id;
        await client.query(
          'update wechat.account_move set copied_up_to = greatest(copied_up_to, $2) where app_id = $1',
          [appId, reached],
        );
        return { found: rows.length, number };
      },
      { isolation: 'repeatable read' },
    );
    copied += number;
    if (number > 0 && found === batch) sides.say(sides.words.copied(copied));
    if (found < batch) return copied;
  }
}

async function currentRecord(client: PoolClient, appId: string): Promise<MoveRecord> {
  const record = await readRecord(client, appId);
  if (record?.side !== 'source') throw new MoveError(`${appId} does not move from here any more`);
  return record;
}

/** @returns how many it copied */
async function copyOrNote(
  sides: Sides,
  client: PoolClient,
  record: MoveRecord,
  found: readonly Found[],
  openToo: boolean,
): Promise<number> {
  const ids = found.filter(({ is_open }) => openToo || !is_open).map(({ id }) => id);
  await copyMessages(sides, client, record, ids);
  const later = found.filter(({ is_open }) => is_open && !openToo).map(({ id }) => id);
  if (later.length > 0)
    await client.query(
      'insert into wechat.account_move_change (app_id, message_id) select $1, unnest($2::bigint[]) on conflict do nothing',
      [sides.appId, later],
    );
  return ids.length;
}

/**
 * A note is deleted and its message read with one snapshot: whoever changes the message later waits for the deletion, and notes
 * it anew.
 */
async function copyNoted(sides: Sides, record: MoveRecord, openToo: boolean): Promise<number> {
  const { appId, source } = sides;
  let copied = 0;
  let after = '0';
  for (;;) {
    const { number, last } = await inTransactionWithTries(
      source,
      async (client) => {
        const { rows } = await client.query<Found>(
          `with noted as (
             delete from wechat.account_move_change c
             where (c.app_id, c.message_id) in (
               select app_id, message_id from wechat.account_move_change
               where app_id = $1 and message_id > $2 order by message_id limit ${batch})
             returning c.message_id
           )
           select noted.message_id as id, coalesce(m.settled_at is null and m.id is not null, false) as is_open
           from noted left join wechat.inbound_message m on m.id = noted.message_id order by 1`,
          [appId, after],
        );
        const number = await copyOrNote(sides, client, record, rows, openToo);
        return { number, last: rows.at(-1)?.id };
      },
      { isolation: 'repeatable read' },
    );
    if (last === undefined) return copied;
    copied += number;
    after = last;
  }
}

/** Those that are not settled, for what belongs to them may have changed: a back end's answer may have come. */
async function copyOpen(sides: Sides, record: MoveRecord): Promise<number> {
  const ids = await openIds(sides);
  for (let from = 0; from < ids.length; from += batch) {
    const some = ids.slice(from, from + batch);
    await inTransactionWithTries(sides.source, (client) => copyMessages(sides, client, record, some), {
      isolation: 'repeatable read',
    });
  }
  return ids.length;
}

/** The messages of the source that are not settled, by their lanes. */
export async function openIds({ appId, source }: Pick<Sides, 'appId' | 'source'>): Promise<string[]> {
  const { rows } = await source.query<{ id: string }>(
    `select m.id
     from wechat.lane l
     join wechat.inbound_message m on (m.app_id, m.openid, m.slot) = (l.app_id, l.openid, l.slot)
     where l.app_id = $1 and m.id > l.done_id and m.settled_at is null
     order by m.id`,
    [appId],
  );
  return rows.map(({ id }) => id);
}
