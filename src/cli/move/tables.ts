import type { PoolClient } from 'pg';
import type { Offsets } from './record.js';

/** A table whose rows go along. Ids in it are those of the source, and are shifted by what the target keeps for them. */
export interface Table {
  name: string;
  /** How the column of the row `r` reads at the target; `$2` holds the offsets (see `offsetOf`). */
  shifted: Readonly<Record<string, string>>;
  /** Drawn anew at the target, since nothing refers to it. */
  drawnAnew?: string;
}

const positions: Readonly<Record<keyof Offsets, number>> = { message: 1, delivery: 2, call: 3, handover: 4 };
const offsetOf = (kind: keyof Offsets) => `($2::bigint[])[${positions[kind]}]`;
const shift = (column: string, kind: keyof Offsets) => `r.${column} + ${offsetOf(kind)}`;
/** 0 stands for "none". */
const shiftUnlessZero = (column: string) =>
  `case r.${column} when 0 then 0 else ${shift(column, 'message')} end`;
/** What forgotten users left bears the message's id. */
const forgotten = (column: string) =>
  `case when r.forgotten_at is not null and r.${column} like 'forgotten:%' then 'forgotten:' || (${shift('id', 'message')}) else r.${column} end`;

export const messages: Table = {
  name: 'inbound_message',
  shifted: {
    id: shift('id', 'message'),
    merged_into: shift('merged_into', 'message'),
    dedupe_key: forgotten('dedupe_key'),
    slot: forgotten('slot'),
  },
};

const ofMessage = { message_id: shift('message_id', 'message') };

/** What belongs to a message and goes with it, and how it is found by the messages' ids ($1). */
export const ofMessages: readonly (Table & { found: string })[] = [
  {
    name: 'delivery',
    found: 't.message_id = any($1::bigint[])',
    shifted: { id: shift('id', 'delivery'), ...ofMessage },
  },
  {
    name: 'delivery_attempt',
    found: 't.delivery_id in (select d.id from wechat.delivery d where d.message_id = any($1::bigint[]))',
    shifted: { delivery_id: shift('delivery_id', 'delivery') },
  },
  { name: 'once_result', found: 't.message_id = any($1::bigint[])', shifted: ofMessage },
  {
    name: 'model_call',
    found: 't.message_id = any($1::bigint[])',
    shifted: { id: shift('id', 'call'), ...ofMessage },
  },
  { name: 'reply_callback', found: 't.message_id = any($1::bigint[])', shifted: ofMessage },
  { name: 'reply_check', found: 't.message_id = any($1::bigint[])', shifted: ofMessage },
  { name: 'inbound_media', found: 't.message_id = any($1::bigint[])', shifted: ofMessage },
];

/**
 * What is kept of an account and its users, copied as a whole while the account is held. `page`: the column by which it is read
 * in pages, where there may be a row for each user.
 */
export const ofAccount: readonly (Table & { page?: string })[] = [
  { name: 'conversation_state', page: 'openid', shifted: {} },
  {
    name: 'model_memory',
    page: 'openid',
    shifted: {
      forgotten_up_to: shiftUnlessZero('forgotten_up_to'),
      summary_up_to: shiftUnlessZero('summary_up_to'),
    },
  },
  { name: 'model_rest', page: 'message_id', shifted: ofMessage },
  {
    name: 'user_usage',
    page: 'openid',
    shifted: {
      message_ids: `array(select one.id + ${offsetOf('message')} from unnest(r.message_ids) with ordinality one (id, n) order by one.n)`,
      notices: `coalesce((select jsonb_object_agg(one.key, one.value || jsonb_build_object('id', (one.value ->> 'id')::bigint + ${offsetOf('message')})) from jsonb_each(r.notices) one), '{}')`,
    },
  },
  { name: 'handover', shifted: { read_up_to: shiftUnlessZero('read_up_to') } },
  { name: 'handover_history', page: 'id', shifted: { id: shift('id', 'handover') } },
  { name: 'agent_send_key', shifted: { delivery_id: shift('delivery_id', 'delivery') } },
  { name: 'media_upload', shifted: {} },
  { name: 'saved_answer', drawnAnew: 'id', shifted: {} },
];

export const offsetValues = ({ message, delivery, call, handover }: Offsets) => [
  message,
  delivery,
  call,
  handover,
];

/** Its columns that are stored, as Postgres lists them. */
async function columnsOf(client: PoolClient, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(attname) as name from pg_attribute
     where attrelid = ('wechat.' || $1)::regclass and attnum > 0 and not attisdropped and attgenerated = ''
     order by attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}

/**
 * Adds rows, given as an array of JSON in text, which Postgres wrote and Postgres reads.
 *
 * @returns how many
 */
export async function addRows(
  client: PoolClient,
  { name, shifted, drawnAnew }: Table,
  rows: string,
  offsets: Offsets,
): Promise<number> {
  const columns = (await columnsOf(client, name)).filter((column) => column !== drawnAnew);
  const values = columns.map((column) => shifted[column] ?? `r.${column}`);
  const { rowCount } = await client.query(
    `insert into wechat.${name} (${columns.join(', ')}) overriding system value
     select ${values.join(', ')} from json_populate_recordset(null::wechat.${name}, $1::json) r
     where $2::bigint[] is not null
     on conflict do nothing`,
    [rows, offsetValues(offsets)],
  );
  return rowCount ?? 0;
}
