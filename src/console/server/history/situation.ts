import type { Pool } from '../../../db/pool.js';

/** All that the question why a user has no answer is decided from, as of one moment. */
export interface Situation {
  account: string;
  openid: string;
  isConfigured: boolean;
  /** Pushes for the account that this process refused since it started. */
  refusedPushes: number;
  workersAlive: number;
  pause: { reason: string; code: number | null; error: string | null; since: string } | undefined;
  handover: { agent: string | null; external: string | null; since: string } | undefined;
  /** What an answer is asked for: the user's last message, but for events that were left without a word, as most are. */
  latest: SituatedMessage | undefined;
  /** The last one that is not settled; undefined where all are. */
  open: SituatedMessage | undefined;
  /** What its conversation is at: the first that is not settled. */
  first: SituatedMessage | undefined;
  /** How many of its conversation come before `open`; 1,000 stands for more. */
  earlier: number;
  /** The back end that said of `first` that its answer comes later. */
  awaited: { source: string; since: string; until: string } | undefined;
  lane:
    | {
        isDue: boolean;
        dueAt: string;
        workerId: number | null;
        claimedAt: string | null;
        failures: number;
        error: string | null;
      }
    | undefined;
}

export interface SituatedMessage {
  id: string;
  receivedAt: string;
  status: 'received' | 'settled' | 'failed';
  error: string | null;
  forAgent: boolean;
  isForgotten: boolean;
  /** In the order in which they are sent. */
  deliveries: SituatedDelivery[];
}

export interface SituatedDelivery {
  id: string;
  status: 'pending' | 'sending' | 'sent' | 'failed' | 'expired' | 'unknown' | 'cancelled';
  attempts: number;
  code: number | null;
  error: string | null;
  /** When it was sent, is tried again, or was planned. */
  at: string;
}

/** A row of inbound_message `m` as SituatedMessage. */
const messageJson = `json_build_object(
  'id', m.id::text, 'receivedAt', m.received_at, 'status', m.status, 'error', m.error, 'forAgent', m.for_agent,
  'isForgotten', m.forgotten_at is not null,
  'deliveries', (
    select coalesce(json_agg(json_build_object(
      'id', d.id::text, 'status', d.status, 'attempts', d.attempts, 'code', d.errcode, 'error', d.errmsg,
      'at', coalesce(d.sent_at, d.next_attempt_at, d.created_at)) order by d.position), '[]')
    from wechat.delivery d where d.message_id = m.id))`;

/** So many of the user's last messages are looked at for one that wants an answer: a phone may tell where it is all day. */
const lookedAt = 200;

/**
 * One statement, so that what it says of lanes, messages and deliveries holds together. Where an account keeps no order a user has a
 * lane for each message: then the newest are looked at.
 */
const situationSql = `
  with lane as materialized (
    select * from wechat.lane l where l.app_id = $1 and l.openid = $2 order by l.id desc limit 50
  ),
  last_open as materialized (
    select m.id, m.slot
    from lane l cross join lateral (
      select m.id, m.slot from wechat.inbound_message m
      where m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id and m.settled_at is null
      order by m.id desc limit 1
    ) m
    order by m.id desc limit 1
  ),
  its_lane as materialized (select l.* from lane l join last_open on last_open.slot = l.slot),
  recent as materialized (
    select m.id, m.msg_type = 'event' and m.status = 'settled' and m.error is null and not m.for_agent
      and not exists (select from wechat.delivery d where d.message_id = m.id) as is_silent
    from (
      select * from wechat.inbound_message m
      where m.app_id = $1 and m.openid = $2 order by m.id desc limit ${lookedAt}) m
  ),
  before_it as materialized (
    select m.id
    from its_lane l
    join wechat.inbound_message m on m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id
    where m.settled_at is null and m.id < (select id from last_open)
    order by m.id limit 1000
  )
  select
    (select count(*)::int from wechat.worker_process
     where ended_at is null and missing_since is null and heartbeat_at > now() - interval '15 seconds') as "workersAlive",
    (select json_build_object('reason', reason, 'code', errcode, 'error', errmsg, 'since', paused_at)
     from wechat.account_pause where app_id = $1) as pause,
    (select json_build_object('agent', agent, 'external', external, 'since', coalesce(taken_at, requested_at))
     from wechat.handover where app_id = $1 and openid = $2) as handover,
    (select ${messageJson} from wechat.inbound_message m
     where m.id = (select coalesce(max(id) filter (where not is_silent), max(id)) from recent)) as latest,
    (select ${messageJson} from wechat.inbound_message m where m.id = (select id from last_open)) as open,
    (select ${messageJson} from wechat.inbound_message m
     where m.id = coalesce((select min(id) from before_it), (select id from last_open))) as first,
    (select json_build_object('source', source, 'since', awaited_at, 'until', expires_at) from wechat.reply_callback
     where message_id = coalesce((select min(id) from before_it), (select id from last_open))
       and awaited_at is not null and answered_at is null and closed_at is null
     order by awaited_at desc limit 1) as awaited,
    (select count(*)::int from before_it) as earlier,
    (select json_build_object(
       'isDue', due_at <= now(), 'dueAt', due_at, 'workerId', worker_id, 'claimedAt', claimed_at, 'failures', failures,
       'error', error) from its_lane) as lane`;

export interface SituationOptions {
  account: string;
  openid: string;
  isConfigured: boolean;
  refusedPushes: number;
}

type Read = Omit<Situation, keyof SituationOptions>;
type Nullable<T> = { [Key in keyof T]: Exclude<T[Key], undefined> | null };

export async function readSituation(pool: Pool, options: SituationOptions): Promise<Situation> {
  const { rows } = await pool.query<Nullable<Read>>(situationSql, [options.account, options.openid]);
  const [row] = rows;
  if (!row) throw new Error('the situation gave no row');
  return {
    ...options,
    workersAlive: row.workersAlive ?? 0,
    earlier: row.earlier ?? 0,
    pause: row.pause ?? undefined,
    handover: row.handover ?? undefined,
    latest: row.latest ?? undefined,
    open: row.open ?? undefined,
    first: row.first ?? undefined,
    awaited: row.awaited ?? undefined,
    lane: row.lane ?? undefined,
  };
}
