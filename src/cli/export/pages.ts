import type { Pool } from '../../db/pool.js';
import type { ExportRecord } from './format.js';

/** What is exported: fixed when an export begins, so that it stays the same however often it is gone on with. */
export interface ExportRange {
  since: Date;
  /** Messages received before it. */
  until: Date;
  messages: number;
  /** Null when there are none. */
  firstId: string | null;
  lastId: string | null;
  /** When the last one was received, in seconds: tells this database from others. */
  lastReceived: string | null;
}

export interface Page {
  records: readonly ExportRecord[];
  messages: number;
  deliveries: number;
  /** All messages of the range up to this one are written, once the page is. */
  lastId: string;
}

/**
 * A message gets its id and its time before it is committed, at most 4.5 s later: then a push is given up. What is
 * younger than that may still appear behind a message that was read already, so the range ends before it.
 */
const untilSql = `
  select date_trunc('milliseconds', least($1::timestamptz, now() - interval '5 seconds')) as until`;

/** By the BRIN index on received_at. */
const rangeSql = `
  select count(*)::float8 as messages, min(id) as first_id, max(id) as last_id
  from wechat.inbound_message
  where received_at >= $1 and received_at < $2 and ($3::text is null or app_id = $3)`;

const receivedSql = `
  select extract(epoch from received_at)::text as received from wechat.inbound_message where id = $1`;

export async function measureRange(
  pool: Pool,
  { since, until, account }: { since: Date; until: Date | undefined; account: string | undefined },
): Promise<ExportRange> {
  const bounds = await pool.query<{ until: Date }>(untilSql, [until ?? null]);
  const capped = bounds.rows[0]?.until ?? since;
  const { rows } = await pool.query<{ messages: number; first_id: string | null; last_id: string | null }>(
    rangeSql,
    [since, capped, account ?? null],
  );
  const lastId = rows[0]?.last_id ?? null;
  return {
    since,
    until: capped,
    messages: rows[0]?.messages ?? 0,
    firstId: rows[0]?.first_id ?? null,
    lastId,
    lastReceived: await receivedAt(pool, lastId),
  };
}

/** Whether the range was measured in this database, or in one that it was copied from. */
export async function isRangeOf(pool: Pool, { lastId, lastReceived }: ExportRange): Promise<boolean> {
  return (await receivedAt(pool, lastId)) === lastReceived;
}

async function receivedAt(pool: Pool, id: string | null): Promise<string | null> {
  const { rows } = await pool.query<{ received: string }>(receivedSql, [id]);
  return rows[0]?.received ?? null;
}

const pageSize = 1_000;

/**
 * Ids that one statement looks at: where hardly any of them is of the account or the range, it still ends soon. It also
 * leaves the planner no choice but the primary key.
 */
const idsAtOnce = 50_000n;

const messagesSql = `
  select m.id, m.received_at, m.app_id, m.openid, m.msg_type, m.event, m.event_key, m.content,
    case when m.settled_at is null then wechat.unsettled_state(m.id) else m.status end as status, m.error,
    round(extract(epoch from m.settled_at - m.received_at), 3)::float8 as latency_seconds, m.request_id,
    case when $6 then m.payload::text end as payload
  from wechat.inbound_message m
  where m.id > $1 and m.id <= $2 and m.received_at >= $3 and m.received_at < $4
    and ($5::text is null or m.app_id = $5)
  order by m.id limit ${pageSize}`;

/** Ids may jump, as after a database was moved. */
const nextIdSql = `select min(id) - 1 as before from wechat.inbound_message where id > $1`;

interface MessageRow {
  id: string;
  received_at: Date;
  app_id: string;
  openid: string;
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
  status: string;
  error: string | null;
  latency_seconds: number | null;
  request_id: string | null;
  payload: string | null;
}

/** The message is looked up for each row, as in wechat.message_history: a join may read all of them. */
const deliveriesSql = `
  select d.id, d.message_id, d.created_at, d.app_id, d.openid, d.msg_type, wechat.payload_text(d.payload) as text,
    d.status, d.errcode, d.errmsg,
    round(extract(epoch from d.sent_at - (
      select m.received_at from wechat.inbound_message m where m.id = d.message_id)), 3)::float8 as latency_seconds,
    case when $2 then d.payload::text end as payload
  from wechat.delivery d
  where d.message_id = any($1::bigint[])
  order by d.message_id, d.position`;

interface DeliveryRow {
  id: string;
  message_id: string;
  created_at: Date;
  app_id: string;
  openid: string;
  msg_type: string;
  text: string;
  status: string;
  errcode: number | null;
  errmsg: string | null;
  latency_seconds: number | null;
  payload: string | null;
}

export interface PageOptions {
  range: ExportRange;
  account: string | undefined;
  payload: boolean;
  /** The last message that is written already. */
  afterId: string | null;
}

/** The messages of the range by id, each with its deliveries behind it. The next page is read while one is written. */
export async function* readPages(pool: Pool, options: PageOptions): AsyncGenerator<Page> {
  const { firstId, lastId } = options.range;
  if (firstId === null || lastId === null) return;
  const end = BigInt(lastId);
  const start = options.afterId === null ? BigInt(firstId) - 1n : BigInt(options.afterId);
  let next = start < end ? readPage(pool, options, start, end) : undefined;
  while (next) {
    const page = await next;
    const after = BigInt(page.lastId);
    next = after < end ? readPage(pool, options, after, end) : undefined;
    // Its failure is told when its turn comes, if it does.
    next?.catch(() => undefined);
    yield page;
  }
}

async function readPage(
  pool: Pool,
  { range, account, payload }: PageOptions,
  after: bigint,
  end: bigint,
): Promise<Page> {
  const upTo = after + idsAtOnce < end ? after + idsAtOnce : end;
  const { rows: messages } = await pool.query<MessageRow>(messagesSql, [
    String(after),
    String(upTo),
    range.since,
    range.until,
    account ?? null,
    payload,
  ]);
  const ids = messages.map(({ id }) => id);
  const { rows: deliveries } =
    ids.length > 0 ? await pool.query<DeliveryRow>(deliveriesSql, [ids, payload]) : { rows: [] };
  return {
    records: interleave(messages, deliveries),
    messages: messages.length,
    deliveries: deliveries.length,
    lastId: await lastIdOf(pool, ids, upTo),
  };
}

/** Of a full page its last; else none follows up to the end of what was looked at, or to the next id there is. */
async function lastIdOf(pool: Pool, ids: readonly string[], upTo: bigint): Promise<string> {
  const last = ids.at(-1);
  if (last !== undefined) return ids.length === pageSize ? last : String(upTo);
  const { rows } = await pool.query<{ before: string | null }>(nextIdSql, [String(upTo)]);
  return rows[0]?.before ?? String(upTo);
}

/** Both are in the order of the message's id. */
function interleave(messages: readonly MessageRow[], deliveries: readonly DeliveryRow[]): ExportRecord[] {
  const records: ExportRecord[] = [];
  let next = 0;
  for (const message of messages) {
    records.push(inbound(message));
    for (let row = deliveries[next]; row?.message_id === message.id; row = deliveries[next]) {
      records.push(outbound(row, message.request_id));
      next += 1;
    }
  }
  return records;
}

function inbound(row: MessageRow): ExportRecord {
  return {
    message_id: row.id,
    delivery_id: null,
    at: row.received_at,
    direction: 'in',
    account: row.app_id,
    openid: row.openid,
    type: row.msg_type,
    event: row.event,
    event_key: row.event_key,
    text: row.content,
    state: row.status,
    errcode: null,
    errmsg: null,
    error: row.error,
    latency_seconds: row.latency_seconds,
    request_id: row.request_id,
    payload: row.payload,
  };
}

function outbound(row: DeliveryRow, requestId: string | null): ExportRecord {
  return {
    message_id: row.message_id,
    delivery_id: row.id,
    at: row.created_at,
    direction: 'out',
    account: row.app_id,
    openid: row.openid,
    type: row.msg_type,
    event: null,
    event_key: null,
    text: row.text,
    state: row.status,
    errcode: row.errcode,
    errmsg: row.errmsg,
    error: null,
    latency_seconds: row.latency_seconds,
    request_id: requestId,
    payload: row.payload,
  };
}
