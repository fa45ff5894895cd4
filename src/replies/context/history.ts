import type { Pool } from '../../db/pool.js';
import type { Subject } from '../context.js';
import type { Turn } from '../router.js';
import { ContextError } from './errors.js';

/** More of them are no conversation, but an export. */
const maxTurns = 500;

/** Messages and events of the user that are looked at for them: where they are events nearly all, there may be fewer turns. */
const maxLookedAt = 1_000;

/**
 * Both directions, the latest first, along the index of the conversation: deliveries are found by their messages. Events say nothing
 * and are no turns, but what was sent on them is. What never reached the user was not said: a delivery that was refused, cancelled or
 * is still to be sent. Messages that are answered together with this one are not before it.
 */
const historySql = `
  select m.id, said.speaker, said.at, said.type, said.text, said.agent
  from (
    select m.id, m.msg_type, m.content, m.received_at from wechat.inbound_message m
    where m.app_id = $1 and m.openid = $2 and m.id < $3 and m.forgotten_at is null and m.merged_into is distinct from $3
    order by m.id desc limit ${maxLookedAt}
  ) m
  cross join lateral (
    select 0 as position, 'user' as speaker, m.received_at as at, m.msg_type as type, m.content as text, null as agent
    where m.msg_type <> 'event'
    union all
    select d.position, case d.origin when 'agent' then 'agent' else 'replies' end,
      coalesce(d.sent_at, d.attempt_started_at, d.created_at), d.msg_type,
      case when d.msg_type = 'text' then wechat.payload_text(d.payload)
        else nullif(wechat.payload_text(d.payload), '[' || d.msg_type || ']')
      end, d.agent
    from wechat.delivery d
    where d.message_id = m.id and d.status in ('sent', 'sending', 'unknown')
  ) said
  order by m.id desc, said.position desc limit $4`;

interface Row {
  id: string;
  speaker: Turn['from'];
  at: Date;
  type: string;
  text: string | null;
  agent: string | null;
}

/** What was said in a conversation before a message, oldest first: the last so many turns. */
export function createHistory(pool: Pool): (subject: Subject, turns: number) => Promise<readonly Turn[]> {
  return async ({ account, openid, messageId }, turns) => {
    if (!Number.isInteger(turns) || turns < 0 || turns > maxTurns)
      throw new ContextError(`history({ turns }): ${turns} is no whole number from 0 to ${maxTurns}`);
    if (turns === 0) return [];
    const { rows } = await pool.query<Row>({
      name: 'history',
      text: historySql,
      values: [account.appId, openid, messageId, turns],
    });
    return rows.reverse().map(({ id, speaker, at, type, text, agent }) => ({
      from: speaker,
      at,
      type,
      text: text ?? undefined,
      agent: agent ?? undefined,
      messageId: id,
    }));
  };
}
