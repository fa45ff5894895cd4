import type { WirePayload } from '../wechat/out/reply.js';
import { print, printJson, shortTime } from './format.js';
import { inboundText, outboundText } from './message-text.js';
import { type Environment, withDatabase } from './operator-session.js';
import { toTable } from './table.js';
import { UsageError } from './usage-error.js';

export interface ConversationOptions {
  environment: Environment;
  openid: string;
  account: string | undefined;
  limit: number;
  json: boolean;
}

interface Line {
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

/** The user's latest messages, each followed by what was sent on it. */
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

/** `wechat-outbox conversation OPENID`: both sides, in order. */
export async function conversationCommand(options: ConversationOptions): Promise<void> {
  const { environment, openid, account, limit, json } = options;
  const rows = await withDatabase(
    environment,
    async (pool) => (await pool.query<Row>(conversationSql, [openid, account ?? null, limit])).rows,
  );
  if (rows.length === 0) throw new UsageError(`Nobody of that openid ever wrote: ${openid}`);
  const lines = rows.map(({ payload, msg_type, event, event_key, content, ...row }): Line => {
    const text = payload ? outboundText(payload) : inboundText({ msg_type, event, event_key, content });
    return { ...row, text };
  });
  if (json) return printJson(lines);
  const several = new Set(lines.map(({ app_id }) => app_id)).size > 1;
  const columns = [
    { title: 'time' },
    ...(several ? [{ title: 'account' }] : []),
    { title: 'message', align: 'right' as const },
    { title: 'delivery', align: 'right' as const },
    { title: '' },
    { title: 'text', flexible: true },
    { title: 'state' },
  ];
  print(
    toTable(
      columns,
      lines.map((line) => [
        shortTime(line.at),
        ...(several ? [line.app_id] : []),
        line.message_id,
        line.delivery_id ?? '',
        line.direction === 'in' ? '→' : '←',
        line.text,
        line.errcode ? `${line.status} ${line.errcode}` : line.status,
      ]),
    ),
  );
}
