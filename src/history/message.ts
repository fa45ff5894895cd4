import { sql } from 'kysely';
import { createKysely } from '../db/kysely.js';
import type { Pool } from '../db/pool.js';
import { isFirst, isIts, messageState } from './message-state.js';

export type Found = NonNullable<Awaited<ReturnType<typeof findMessage>>>;
export type MessageDetails = Found['message'];
export type DeliveryDetails = Found['deliveries'][number];
export type AttemptDetails = Found['attempts'][number];

/** A message by its id, or by that of one of its deliveries, with all that came of it. */
export async function findMessage(pool: Pool, id: string, isDelivery: boolean) {
  const db = createKysely(pool);
  const ofDelivery = db.selectFrom('wechat.delivery').select('message_id').where('id', '=', id);
  const message = await db
    .selectFrom('wechat.inbound_message as m')
    .leftJoin('wechat.lane as l', (join) => join.on(isIts))
    .select(['m.id', 'm.app_id', 'm.openid', 'm.msg_type', 'm.event', 'm.event_key', 'm.content'])
    .select(messageState.as('status'))
    .select(sql<string | null>`coalesce(m.error, case when ${isFirst} then l.error end)`.as('error'))
    .select(['m.created_at', 'm.received_at', 'm.settled_at'])
    // Of its conversation, while it is not settled.
    .select(['l.due_at', 'l.worker_id as claimed_by', 'l.claimed_at'])
    .select(isFirst.as('is_first'))
    // Of the reply logic, of the first alone.
    .select(sql<number>`case when ${isFirst} then l.failures else 0 end`.as('failures'))
    .select(sql<number>`case when ${isFirst} then l.crashes else 0 end`.as('crashes'))
    .select(['m.window_ends_at', 'm.window_quota', 'm.payload', 'm.forgotten_at', 'm.for_agent'])
    .select(['m.merged_into', 'm.merged_count'])
    .select(['m.slot', 'm.request_id', 'm.dedupe_key'])
    .select(sql<Date | null>`wechat.window_of(m.app_id, m.openid)`.as('reachable_until'))
    .where('m.id', '=', isDelivery ? ofDelivery : id)
    .executeTakeFirst();
  if (!message) return undefined;
  const deliveries = await db
    .selectFrom('wechat.delivery as d')
    .select(['d.id', 'd.position', 'd.origin', 'd.msg_type', 'd.status', 'd.attempts', 'd.failures'])
    .select(['d.ignores_window', 'd.attempt_started_at'])
    .select(['d.errcode', 'd.errmsg', 'd.created_at', 'd.sent_at', 'd.next_attempt_at', 'd.payload'])
    .select(sql<string>`wechat.payload_text(d.payload)`.as('text'))
    .where('d.message_id', '=', message.id)
    .orderBy('d.position')
    .execute();
  const attempts = await db
    .selectFrom('wechat.delivery_attempt as a')
    .innerJoin('wechat.delivery as d', 'd.id', 'a.delivery_id')
    .select(['a.delivery_id', 'a.attempt', 'a.started_at', 'a.finished_at', 'a.outcome'])
    .select(['a.http_status', 'a.errcode', 'a.errmsg'])
    .where('d.message_id', '=', message.id)
    .orderBy('d.position')
    .orderBy('a.attempt')
    .execute();
  return { message, deliveries, attempts };
}
