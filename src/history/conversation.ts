import { sql } from 'kysely';
import { createKysely } from '../db/kysely.js';
import type { Pool } from '../db/pool.js';
import { accountsOf } from './filter.js';
import { inWords } from './in-words.js';
import { messageState } from './message-state.js';

export type Line = Awaited<ReturnType<typeof findConversation>>[number];

export interface ConversationOptions {
  openid: string;
  account: string | undefined;
  /** Of the latest messages. */
  limit: number;
}

/** The user's latest messages, each followed by what was sent on it. */
export async function findConversation(pool: Pool, options: ConversationOptions) {
  const db = createKysely(pool);
  const accounts = await accountsOf(db, options);
  if (accounts.length === 0) return [];
  const nothing = sql<null>`null`;
  const rows = await db
    .with('latest', (cte) =>
      cte
        .selectFrom('wechat.inbound_message as m')
        .select(['m.id', 'm.created_at', 'm.app_id', 'm.msg_type', 'm.event', 'm.event_key', 'm.content'])
        .select(messageState.as('status'))
        .where('m.app_id', 'in', accounts)
        .where('m.openid', '=', options.openid)
        .orderBy('m.id', 'desc')
        .limit(options.limit),
    )
    .selectFrom((eb) =>
      eb
        .selectFrom('latest as m')
        .select(['m.created_at as at', sql<'in' | 'out'>`'in'`.as('direction'), 'm.app_id'])
        .select(['m.id as message_id', sql<string | null>`null::bigint`.as('delivery_id')])
        .select([sql<number>`0`.as('position'), 'm.status', sql<number | null>`null::integer`.as('errcode')])
        .select(['m.msg_type', 'm.event', 'm.event_key', 'm.content'])
        .unionAll(
          eb
            .selectFrom('latest as m')
            .innerJoin('wechat.delivery as d', 'd.message_id', 'm.id')
            .select((one) => one.fn.coalesce('d.sent_at', 'd.next_attempt_at', 'd.created_at').as('at'))
            .select([sql<'in' | 'out'>`'out'`.as('direction'), 'd.app_id', 'd.message_id'])
            .select(['d.id as delivery_id', 'd.position', 'd.status', 'd.errcode', 'd.msg_type'])
            .select([nothing.as('event'), nothing.as('event_key')])
            .select(sql<string>`wechat.payload_text(d.payload)`.as('content')),
        )
        .as('line'),
    )
    .selectAll()
    .orderBy('message_id')
    .orderBy('position')
    .execute();
  return rows.map(({ position, msg_type, event, event_key, content, ...line }) => ({
    ...line,
    text: inWords({ msg_type, event, event_key, content }),
  }));
}
