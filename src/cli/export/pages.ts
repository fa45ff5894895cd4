import type { Pool } from '../../db/pool.js';
import type { ExportRecord } from './format.js';

export interface Asked {
  since: Date;
  until?: Date | undefined;
  account?: string | undefined;
  /** With every field as WeChat sent or got it. */
  payload: boolean;
}

/** What is exported. It is fixed when an export begins, however long that takes. */
export interface ExportRange {
  since: Date;
  /** Messages received before it. */
  until: Date;
  messages: number;
  /** Null when there are none. */
  firstId: string | null;
  lastId: string | null;
}

export interface Page {
  records: readonly ExportRecord[];
  messages: number;
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
  select count(*)::float8 as messages, min(id) as "firstId", max(id) as "lastId"
  from wechat.inbound_message
  where received_at >= $1 and received_at < $2 and ($3::text is null or app_id = $3)`;

export async function measureRange(pool: Pool, { since, until, account }: Asked): Promise<ExportRange> {
  const bounds = await pool.query<{ until: Date }>(untilSql, [until ?? null]);
  const capped = bounds.rows[0]?.until ?? since;
  const { rows } = await pool.query<Pick<ExportRange, 'messages' | 'firstId' | 'lastId'>>(rangeSql, [
    since,
    capped,
    account ?? null,
  ]);
  const [measured = { messages: 0, firstId: null, lastId: null }] = rows;
  return { since, until: capped, ...measured };
}

const pageSize = 1_000;

/**
 * Ids that one statement looks at: where hardly any of them is of the account or the range, it still ends soon. It also
 * leaves the planner no choice but the primary key.
 */
const idsAtOnce = 50_000n;

/** A page of messages, each with its deliveries behind it. `position` of a message: before its deliveries. */
const recordsSql = `
  with page as materialized (
    select m.* from wechat.inbound_message m
    where m.id > $1 and m.id <= $2 and m.received_at >= $3 and m.received_at < $4
      and ($5::text is null or m.app_id = $5)
    order by m.id limit ${pageSize}
  )
  select * from (
    select m.id as message_id, null::bigint as delivery_id, 0 as position, m.received_at as at, 'in' as direction,
      m.app_id as account, m.openid, m.msg_type as type, m.event, m.event_key, m.content as text,
      case when m.settled_at is null then wechat.unsettled_state(m.id) else m.status end as state,
      null::int as errcode, null::text as errmsg, m.error,
      round(extract(epoch from m.settled_at - m.received_at), 3)::float8 as latency_seconds, m.request_id,
      case when $6 then m.payload::text end as payload
    from page m
    union all
    select d.message_id, d.id, d.position, d.created_at, 'out', d.app_id, d.openid, d.msg_type, null, null,
      wechat.payload_text(d.payload), d.status, d.errcode, d.errmsg, null,
      round(extract(epoch from d.sent_at - m.received_at), 3)::float8, m.request_id,
      case when $6 then d.payload::text end
    from page m join wechat.delivery d on d.message_id = m.id
  ) record
  order by message_id, position`;

/** Ids may jump, as after a database was moved. */
const nextIdSql = `select min(id) - 1 as before from wechat.inbound_message where id > $1`;

/** The messages of the range by id, each with its deliveries behind it. The next page is read while one is written. */
export async function* readPages(pool: Pool, range: ExportRange, asked: Asked): AsyncGenerator<Page> {
  const { firstId, lastId } = range;
  if (firstId === null || lastId === null) return;
  const end = BigInt(lastId);
  const read = (after: bigint) => (after < end ? readPage(pool, range, asked, after, end) : undefined);
  let next = read(BigInt(firstId) - 1n);
  while (next) {
    const page = await next;
    next = read(BigInt(page.lastId));
    // Its failure is told when its turn comes, if it does.
    next?.catch(() => undefined);
    yield page;
  }
}

async function readPage(
  pool: Pool,
  { since, until }: ExportRange,
  { account, payload }: Asked,
  after: bigint,
  end: bigint,
): Promise<Page> {
  const upTo = after + idsAtOnce < end ? after + idsAtOnce : end;
  const values = [String(after), String(upTo), since, until, account ?? null, payload];
  const { rows: records } = await pool.query<ExportRecord>(recordsSql, values);
  const messages = records.filter(({ direction }) => direction === 'in').length;
  return { records, messages, lastId: await lastIdOf(pool, records, messages, upTo) };
}

/** Of a full page its last; else none follows up to the end of what was looked at, or to the next id there is. */
async function lastIdOf(
  pool: Pool,
  records: readonly ExportRecord[],
  messages: number,
  upTo: bigint,
): Promise<string> {
  const last = records.at(-1);
  if (last) return messages === pageSize ? last.message_id : String(upTo);
  const { rows } = await pool.query<{ before: string | null }>(nextIdSql, [String(upTo)]);
  return rows[0]?.before ?? String(upTo);
}
