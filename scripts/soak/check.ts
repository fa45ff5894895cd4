import type pg from 'pg';
import type { DeliveredMessage } from '#src/simulator/index.js';
import type { Interval } from './chaos.ts';
import type { Acknowledged } from './load.ts';

export interface Findings {
  stored: number;
  answered: number;
  /** Acknowledged, and without a row, without an end, or with a reply that never arrived. */
  lost: string[];
  /** Replies that a user received before an earlier one. */
  outOfOrder: string[];
  /** Received more than once. */
  twice: number;
  /** … more often than attempts of unknown outcome explain. */
  twiceUnexplained: string[];
  /** Settled messages of which something is still to be sent: nobody would ever send it. */
  unfinished: string[];
  /** By status, of messages and of deliveries. */
  messages: Record<string, number>;
  deliveries: Record<string, number>;
  attempts: Record<string, number>;
  /** From the acknowledgement's commit to the end, in ms. */
  settling: { p50: number; p99: number; worst: number };
  /**
   * Of attempts that a worker left behind: from their begin to that of the next, by another, in ms. Where a second worker was lost
   * meanwhile, it may have been the one that had just taken over, and nobody takes over while Postgres is away: `alone` are those
   * of which neither is so.
   */
  recovery: { count: number; p50: number; p99: number; worst: number; alone: number; worstAlone: number };
}

interface Row {
  openid: string;
  content: string;
  message_status: string;
  position: number | null;
  status: string | null;
  /** Attempts whose outcome nobody knew when the next began; the answer to one may have come after all, and be on record. */
  unknown: number;
}

export interface Seen {
  acknowledged: readonly Acknowledged[];
  delivered: readonly DeliveredMessage[];
  databaseAway: readonly Interval[];
}

/** Compares what the simulator saw with what the database says. */
export async function check(
  pool: pg.Pool,
  { acknowledged, delivered, databaseAway }: Seen,
): Promise<Findings> {
  const rows = await readRows(pool);
  const arrivals = new Map<string, number[]>();
  for (const { text, sequence } of delivered) arrivals.set(text, [...(arrivals.get(text) ?? []), sequence]);
  const statuses = new Map(rows.map(({ content, message_status }) => [content, message_status]));
  const received = compareReplies(rows, arrivals);
  return {
    stored: statuses.size,
    answered: arrivals.size,
    ...received,
    lost: [...unsettled(acknowledged, statuses), ...received.lost],
    unfinished: rows.filter(isUnfinished).map(describeRow),
    ...(await countAll(pool)),
    ...(await measureTimes(pool, databaseAway)),
  };
}

async function readRows(pool: pg.Pool): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    `select m.openid, split_part(m.content, ' ', 1) as content, m.status as message_status, d.position, d.status,
            (select count(*)::int from wechat.delivery_attempt a
             where a.delivery_id = d.id and (a.outcome = 'unknown' or a.corrected_at is not null)) as unknown
     from wechat.inbound_message m left join wechat.delivery d on d.message_id = m.id
     order by m.id, d.position`,
  );
  return rows;
}

/** Acknowledged, and without a row or an end. */
function unsettled(acknowledged: readonly Acknowledged[], statuses: ReadonlyMap<string, string>): string[] {
  return acknowledged
    .filter(({ text }) => !['settled', 'failed'].includes(statuses.get(text) ?? ''))
    .map(({ text, openid }) => `${text} of ${openid}: ${statuses.get(text) ?? 'not stored'}`);
}

function isUnfinished({ message_status, status }: Row): boolean {
  return message_status === 'settled' && ['pending', 'sending'].includes(status ?? '');
}

function describeRow({ openid, content, position, status }: Row): string {
  return `${content}/${position} of ${openid}: ${status}`;
}

/** Each reply of the database with its arrivals at the simulator, which are numbered in their order. */
function compareReplies(
  rows: readonly Row[],
  arrivals: ReadonlyMap<string, readonly number[]>,
): Pick<Findings, 'lost' | 'outOfOrder' | 'twice' | 'twiceUnexplained'> {
  const lost: string[] = [];
  const outOfOrder: string[] = [];
  const twiceUnexplained: string[] = [];
  let twice = 0;
  const latestOf = new Map<string, { reply: string; sequence: number }>();
  for (const { openid, content, position, status, unknown } of rows) {
    if (position === null) continue;
    const reply = `${content}/${position}`;
    const [first, ...again] = arrivals.get(reply) ?? [];
    if (first === undefined) {
      if (status === 'sent') lost.push(`${reply} of ${openid}: sent, and never received`);
      continue;
    }
    if (again.length > 0) {
      twice += 1;
      if (again.length > unknown)
        twiceUnexplained.push(`${reply} of ${openid}: ${again.length} extra, ${unknown} unknown`);
    }
    const latest = latestOf.get(openid);
    if (latest && first < latest.sequence) outOfOrder.push(`${openid}: ${reply} before ${latest.reply}`);
    latestOf.set(openid, { reply, sequence: first });
  }
  return { lost, outOfOrder, twice, twiceUnexplained };
}

async function countAll(pool: pg.Pool): Promise<Pick<Findings, 'messages' | 'deliveries' | 'attempts'>> {
  const count = async (sql: string) => {
    const result = await pool.query<{ name: string; count: number }>(sql);
    return Object.fromEntries(result.rows.map(({ name, count: number }) => [name, number]));
  };
  return {
    messages: await count(
      'select status as name, count(*)::int from wechat.inbound_message group by 1 order by 1',
    ),
    deliveries: await count(
      'select status as name, count(*)::int from wechat.delivery group by 1 order by 1',
    ),
    attempts: await count(
      'select outcome as name, count(*)::int from wechat.delivery_attempt group by 1 order by 1',
    ),
  };
}

async function measureTimes(
  pool: pg.Pool,
  databaseAway: readonly Interval[],
): Promise<Pick<Findings, 'settling' | 'recovery'>> {
  const settling = await pool.query<Findings['settling']>(
    `select coalesce(percentile_cont(0.5) within group (order by ms), 0) as p50,
            coalesce(percentile_cont(0.99) within group (order by ms), 0) as p99, coalesce(max(ms), 0) as worst
     from (select extract(epoch from settled_at - received_at)::float8 * 1000 as ms
           from wechat.inbound_message where settled_at is not null) settled`,
  );
  const recovery = await pool.query<Findings['recovery']>(
    `with left_behind as (
       select lost.started_at, next.started_at as next_at,
              extract(epoch from next.started_at - lost.started_at)::float8 * 1000 as ms
       from wechat.delivery_attempt lost
       join wechat.delivery_attempt next on next.delivery_id = lost.delivery_id and next.attempt = lost.attempt + 1
       where lost.outcome = 'unknown' and lost.errmsg like 'the worker stopped%'),
     timed as (
       select ms, (select count(*) from wechat.worker_process w
                   where coalesce(w.missing_since, w.ended_at) between l.started_at and l.next_at) <= 1
              and not exists (select from json_to_recordset($1) as away ("from" float8, until float8)
                   where to_timestamp("from" / 1000) <= l.next_at and to_timestamp(until / 1000) >= l.started_at) as alone
       from left_behind l)
     select count(*)::int as count, coalesce(percentile_cont(0.5) within group (order by ms), 0) as p50,
            coalesce(percentile_cont(0.99) within group (order by ms), 0) as p99, coalesce(max(ms), 0) as worst,
            count(*) filter (where alone)::int as alone, coalesce(max(ms) filter (where alone), 0) as "worstAlone"
     from timed`,
    [JSON.stringify(databaseAway)],
  );
  return {
    settling: settling.rows[0] ?? { p50: 0, p99: 0, worst: 0 },
    recovery: recovery.rows[0] ?? { count: 0, p50: 0, p99: 0, worst: 0, alone: 0, worstAlone: 0 },
  };
}
