import type { Pool } from '../../db/pool.js';
import type { WirePayload } from '../../wechat/out/reply.js';

export interface MessageDetails {
  id: string;
  app_id: string;
  openid: string;
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
  status: string;
  error: string | null;
  created_at: Date;
  received_at: Date;
  settled_at: Date | null;
  /** Of its conversation, while it is not settled. */
  due_at: Date | null;
  claimed_by: number | null;
  claimed_at: Date | null;
  /** Whether it is the first in its conversation that is not settled: the others wait for it. */
  is_first: boolean;
  /** Of the reply logic, of the first alone. */
  failures: number;
  crashes: number;
  window_ends_at: Date | null;
  window_quota: number | null;
  reachable_until: Date | null;
  forgotten_at: Date | null;
  payload: Record<string, unknown>;
}

export interface DeliveryDetails {
  id: string;
  position: number;
  origin: string;
  status: string;
  attempts: number;
  failures: number;
  errcode: number | null;
  errmsg: string | null;
  created_at: Date;
  sent_at: Date | null;
  next_attempt_at: Date | null;
  payload: WirePayload;
}

export interface AttemptDetails {
  delivery_id: string;
  attempt: number;
  started_at: Date;
  finished_at: Date;
  outcome: string;
  http_status: number | null;
  errcode: number | null;
  errmsg: string | null;
}

export interface Found {
  message: MessageDetails;
  deliveries: DeliveryDetails[];
  attempts: AttemptDetails[];
}

/** A message by its id, or by that of one of its deliveries, with all that came of it. */
export async function findMessage(pool: Pool, id: string, isDelivery: boolean): Promise<Found | undefined> {
  const { rows } = await pool.query<MessageDetails>(
    `select m.id, m.app_id, m.openid, m.msg_type, m.event, m.event_key, m.content,
       case when m.settled_at is null then wechat.unsettled_state(m.id) else m.status end as status,
       coalesce(m.error, case when first.id = m.id then l.error end) as error, m.created_at, m.received_at, m.settled_at,
       l.due_at, l.worker_id as claimed_by, l.claimed_at, first.id is not distinct from m.id as is_first,
       case when first.id = m.id then l.failures else 0 end as failures,
       case when first.id = m.id then l.crashes else 0 end as crashes,
       m.window_ends_at, m.window_quota, m.payload, m.forgotten_at, wechat.window_of(m.app_id, m.openid) as reachable_until
     from wechat.inbound_message m
     left join wechat.lane l on m.settled_at is null and (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
     left join lateral (
       select head.id from wechat.inbound_message head
       where head.app_id = l.app_id and head.openid = l.openid and head.slot = l.slot and head.id > l.done_id
         and head.settled_at is null
       order by head.id limit 1
     ) first on true
     where m.id = ${isDelivery ? '(select message_id from wechat.delivery where id = $1)' : '$1'}`,
    [id],
  );
  const message = rows[0];
  if (!message) return undefined;
  const deliveries = await pool.query<DeliveryDetails>(
    `select id, position, origin, status, attempts, failures, errcode, errmsg, created_at, sent_at, next_attempt_at, payload
     from wechat.delivery where message_id = $1 order by position`,
    [message.id],
  );
  const attempts = await pool.query<AttemptDetails>(
    `select a.delivery_id, a.attempt, a.started_at, a.finished_at, a.outcome, a.http_status, a.errcode, a.errmsg
     from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id
     where d.message_id = $1 order by d.position, a.attempt`,
    [message.id],
  );
  return { message, deliveries: deliveries.rows, attempts: attempts.rows };
}
