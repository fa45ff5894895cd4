import type { Pool } from '../db/pool.js';

/** Where a restored database went on: what was committed later is missing. */
export interface RestorePoint {
  at: Date;
  lastMessageId: string;
  lastDeliveryId: string;
  /** Since when the service works on it; undefined: it has not been started on it yet. */
  seenAt: Date | undefined;
  timeline: number | undefined;
}

interface LineRow {
  timeline: number | null;
  noted: boolean;
  isFirst: boolean;
  at: Date | null;
  lastMessageId: string;
  lastDeliveryId: string;
  seenAt: Date | null;
}

/**
 * By what the first process on this timeline wrote down; where none has come yet, by the last signs that are there now.
 *
 * @returns undefined where the database is where it always was, or nothing was ever in it
 */
export async function readRestorePoint(pool: Pool): Promise<RestorePoint | undefined> {
  const { rows } = await pool.query<LineRow>(
    `select line.timeline, noted.id is not null as noted,
       noted.id is not null and noted.id = (select min(id) from wechat.database_timeline) as "isFirst",
       case when noted.id is null then signs.last_sign_at else noted.last_sign_at end as at,
       coalesce(noted.last_message_id, signs.last_message_id)::text as "lastMessageId",
       coalesce(noted.last_delivery_id, signs.last_delivery_id)::text as "lastDeliveryId",
       noted.seen_at as "seenAt"
     from wechat.server_line() line
     cross join wechat.last_signs() signs
     left join wechat.database_timeline noted using (system_identifier, timeline)`,
  );
  const [row] = rows;
  if (!row?.at || row.isFirst || (row.timeline === null && !row.noted)) return undefined;
  const { at, lastMessageId, lastDeliveryId, seenAt, timeline } = row;
  return { at, lastMessageId, lastDeliveryId, seenAt: seenAt ?? undefined, timeline: timeline ?? undefined };
}

/** What was there at a moment that a person names: for a disk that was put back, of which PostgreSQL itself does not know. */
export async function pointAt(pool: Pool, at: Date): Promise<RestorePoint> {
  const { rows } = await pool.query<{ lastMessageId: string; lastDeliveryId: string }>(
    `select
       coalesce((select id from wechat.inbound_message where received_at <= $1 order by id desc limit 1), 0)::text
         as "lastMessageId",
       coalesce((select id from wechat.delivery where created_at <= $1 order by id desc limit 1), 0)::text
         as "lastDeliveryId"`,
    [at],
  );
  return {
    at,
    lastMessageId: rows[0]?.lastMessageId ?? '0',
    lastDeliveryId: rows[0]?.lastDeliveryId ?? '0',
    seenAt: undefined,
    timeline: undefined,
  };
}

/** A message that was not answered to the end at the moment, and is not now. */
export interface OpenMessage {
  id: string;
  appId: string;
  requestId: string | null;
  receivedAt: Date;
  /** Deliveries that are to be sent; none: its reply logic is to run. */
  toSend: number;
  /** … of which an attempt was under way. */
  underWay: number;
}

/** By the lanes, which are few, and not by the history. */
export async function readOpen(
  pool: Pool,
  { lastMessageId }: RestorePoint,
  appId?: string,
): Promise<OpenMessage[]> {
  const { rows } = await pool.query<OpenMessage>(
    `select m.id, m.app_id as "appId", m.request_id as "requestId", m.received_at as "receivedAt",
       planned.to_send as "toSend", planned.under_way as "underWay"
     from wechat.lane l
     join wechat.inbound_message m
       on m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id and m.settled_at is null
     cross join lateral (
       select count(*)::int as to_send, count(*) filter (where d.status = 'sending')::int as under_way
       from wechat.delivery d where d.message_id = m.id and d.status in ('pending', 'sending')
     ) planned
     where m.id <= $1 and ($2::text is null or m.app_id = $2)
     order by m.id`,
    [lastMessageId, appId ?? null],
  );
  return rows;
}

/** What else a restore has taken back. */
export interface TakenBack {
  credentials: { appId: string; kind: string; refreshedAt: Date }[];
  /** Workers on record that do not live. */
  deadWorkers: number;
  handovers: number;
  /** Answers that back ends still owe, as far as the database knows. */
  callbacks: number;
  /** Deliveries of before that have been attempted since. */
  attemptedSince: number;
}

export async function readTakenBack(pool: Pool, point: RestorePoint): Promise<TakenBack> {
  const { rows: credentials } = await pool.query<TakenBack['credentials'][number]>(
    `select app_id as "appId", kind, refreshed_at as "refreshedAt" from wechat.credential
     where refreshed_at <= $1 order by 1, 2`,
    [point.at],
  );
  const { rows } = await pool.query<Omit<TakenBack, 'credentials'>>(
    `select
       (select count(*)::int from wechat.worker_process
        where ended_at is null and not wechat.worker_lives(id)) as "deadWorkers",
       (select count(*)::int from wechat.handover) as handovers,
       (select count(*)::int from wechat.reply_callback
        where answered_at is null and closed_at is null and created_at <= $1) as callbacks,
       (select count(distinct delivery_id)::int from wechat.delivery_attempt
        where started_at > $2 and delivery_id <= $3) as "attemptedSince"`,
    [point.at, point.seenAt ?? 'infinity', point.lastDeliveryId],
  );
  const row = rows[0] ?? { deadWorkers: 0, handovers: 0, callbacks: 0, attemptedSince: 0 };
  return { credentials, ...row };
}

/** The pushes that were stored from somewhat before the moment on, by the ids that the log has for them too. */
export async function readRequestIds(pool: Pool, since: Date): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ id: string }>(
    'select request_id as id from wechat.inbound_message where received_at >= $1 and request_id is not null',
    [since],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Attempts that are on record, as `delivery/attempt`; those of after the restore may bear the same numbers, and are others. */
export async function readAttempts(
  pool: Pool,
  { since, until }: { since: Date; until: Date | undefined },
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ id: string }>(
    `select delivery_id || '/' || attempt as id from wechat.delivery_attempt
     where started_at >= $1 and started_at < $2`,
    [since, until ?? 'infinity'],
  );
  return new Set(rows.map(({ id }) => id));
}
