import type { Pool } from '../../db/pool.js';
import type { WirePayload } from '../../wechat/out/reply.js';
import { inboundText, outboundText } from './message-text.js';

export interface Line {
  at: Date;
  direction: 'in' | 'out';
  app_id: string;
  message_id: string;
  delivery_id: string | null;
  status: string;
  errcode: number | null;
  text: string;
}

interface Row extends Omit<Line, 'text'> {
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
  payload: WirePayload | null;
}

const conversationSql = `
  with latest as (
    select m.* from wechat.inbound_message m
    where m.app_id = any(array(select wechat.accounts())) and m.openid = $1 and ($2::text is null or m.app_id = $2)
    order by m.id desc limit $3
  )
  select * from (
    select created_at as at, 'in' as direction, app_id, id as message_id, null::bigint as delivery_id, 0 as position,
      case when settled_at is null then wechat.unsettled_state(id) else status end as status,
      null::int as errcode, msg_type, event, event_key, content, null::jsonb as payload
    from latest
    union all
    select coalesce(d.sent_at, d.next_attempt_at, d.created_at), 'out', d.app_id, d.message_id, d.id, d.position, d.status,
      d.errcode, d.msg_type, null, null, null, d.payload
    from latest join wechat.delivery d on d.message_id = latest.id
  ) line
  order by message_id, position`;

/** The user's latest messages, each followed by what was sent on it. */
export async function findConversation(
  pool: Pool,
  { openid, account, limit }: { openid: string; account: string | undefined; limit: number },
): Promise<Line[]> {
  const { rows } = await pool.query<Row>(conversationSql, [openid, account ?? null, limit]);
  return rows.map(({ payload, msg_type, event, event_key, content, ...row }): Line => {
    const text = payload ? outboundText(payload) : inboundText({ msg_type, event, event_key, content });
    return { ...row, text };
  });
}
