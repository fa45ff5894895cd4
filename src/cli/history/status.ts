import { lockClass } from '../../db/locks.js';
import type { Pool } from '../../db/pool.js';
import type { Backlog } from '../../observe/snapshot.js';

export interface Status {
  now: Date;
  /** In the words of the metrics. */
  backlog: { account: string; state: Backlog['state']; messages: number; oldestMs: number }[];
  oldest: { id: string; openid: string; ageMs: number; error: string | null } | undefined;
  rates: { minutes: number; received: number; sent: number; failed: number }[];
  /** Messages of the last 24 h for which the reply logic failed for good. */
  failedMessages: number;
  failures: {
    account: string;
    state: string;
    errcode: number | null;
    deliveries: number;
    latestAt: Date;
    errmsg: string | null;
  }[];
  tokens: { account: string; kind: string; refreshedAt: Date; expiresInMs: number }[];
  workers: { id: number; hostname: string; pid: number; startedAt: Date; isAlive: boolean; held: number }[];
}

const backlogSql = `
  select app_id as account, state, messages::int, (extract(epoch from now() - oldest_at) * 1000)::float8 as "oldestMs"
  from wechat.backlog() order by 1, 2`;

/** A lane of which only duplicates came has no message, so it takes a few to be sure of one. */
const oldestSql = `
  select m.id, m.openid, (extract(epoch from now() - l.waiting_since) * 1000)::float8 as "ageMs",
    coalesce((
      select d.errmsg from wechat.delivery d
      where d.message_id = m.id and d.status in ('pending', 'sending') order by d.position limit 1
    ), l.error) as error
  from (select * from wechat.lane order by waiting_since, id limit 20) l
  cross join lateral (
    select m.id, m.openid from wechat.inbound_message m
    where m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id and m.settled_at is null
    order by m.id limit 1
  ) m
  order by l.waiting_since, l.id limit 1`;

/** Replies are sent within minutes, or are retried for hours: the lower limit of created_at is for the index. */
const ratesSql = `
  select span.minutes,
    (select count(*)::int from wechat.inbound_message m
     where m.received_at > now() - span.minutes * interval '1 minute') as received,
    (select count(*)::int from wechat.delivery d
     where d.created_at > now() - interval '3 hours' and d.sent_at > now() - span.minutes * interval '1 minute') as sent,
    (select count(*)::int from wechat.delivery d
     where d.ended_unsent and d.status <> 'cancelled'
       and d.created_at > now() - span.minutes * interval '1 minute') as failed
  from (values (1), (5), (60)) span (minutes)`;

const failedMessagesSql = `
  select count(*)::int as messages from wechat.inbound_message
  where failed and app_id = any(array(select wechat.accounts())) and received_at > now() - interval '24 hours'`;

const failuresSql = `
  select app_id as account, status as state, errcode, count(*)::int as deliveries, max(created_at) as "latestAt",
    (array_agg(errmsg order by id desc))[1] as errmsg
  from wechat.delivery
  where ended_unsent and app_id = any(array(select wechat.accounts())) and created_at > now() - interval '24 hours'
  group by 1, 2, 3 order by deliveries desc, 1, 2, 3`;

const tokensSql = `
  select app_id as account, kind, refreshed_at as "refreshedAt",
    (extract(epoch from expires_at - now()) * 1000)::float8 as "expiresInMs"
  from wechat.credential where version > 0 order by 1, 2`;

/** A worker is alive while it holds its lock. In hand it has one message of each lane that it holds. */
const workersSql = `
  select w.id, w.hostname, w.pid, w.started_at as "startedAt", w.missing_since is null and exists (
      select from pg_locks l
      where l.locktype = 'advisory' and l.granted and l.classid = $1::bigint::oid and l.objid = w.id::oid
        and l.database = (select oid from pg_database where datname = current_database())
    ) as "isAlive",
    (select count(*)::int from wechat.lane l where l.worker_id = w.id) as held
  from wechat.worker_process w where w.ended_at is null order by w.id`;

export async function readStatus(pool: Pool): Promise<Status> {
  const rows = async <T>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await pool.query(text, values)).rows as T[];
  const [clock] = await rows<{ now: Date }>('select now()');
  const [oldest] = await rows<NonNullable<Status['oldest']>>(oldestSql);
  const [failed] = await rows<{ messages: number }>(failedMessagesSql);
  return {
    now: clock?.now ?? new Date(),
    backlog: await rows<Status['backlog'][number]>(backlogSql),
    oldest,
    rates: await rows<Status['rates'][number]>(ratesSql),
    failedMessages: failed?.messages ?? 0,
    failures: await rows<Status['failures'][number]>(failuresSql),
    tokens: await rows<Status['tokens'][number]>(tokensSql),
    workers: await rows<Status['workers'][number]>(workersSql, [lockClass]),
  };
}
