import type { Pool } from '../../../db/pool.js';
import type { Language } from '../../../lib/language.js';
import type { Conversation } from '../../contract/conversations.js';
import type { Address } from './address.js';
import { holderOf, stateOf } from './state.js';
import { readTurns } from './turns.js';

export interface ConversationOptions {
  /** Only what the user wrote before this message, and what was sent on that. */
  before: string | undefined;
  /** Messages of the user. */
  limit: number;
  /** 0: never. */
  handoverIdleMinutes: number;
  language: Language;
}

interface Head {
  received_at: Date;
  is_silent: boolean;
  agent: string | null;
  external: string | null;
  reason: string | null;
  since: Date | null;
  returns_at: Date | null;
  ends_at: Date | null;
  quota: number | null;
  used: number | null;
  last_end: Date | null;
}

const headSql = `
  select m.received_at, h.app_id is not null as is_silent, h.agent, h.external, h.reason,
    coalesce(h.taken_at, h.requested_at) as since,
    case when h.app_id is not null then wechat.returns_at(h, $3::interval) end as returns_at,
    a.ends_at, a.quota, a.used, case when a.ends_at is null then wechat.window_of($1, $2) end as last_end
  from (
    select m.app_id, m.openid, m.received_at from wechat.inbound_message m
    where m.app_id = $1 and m.openid = $2 and m.forgotten_at is null order by m.id desc limit 1
  ) m
  left join wechat.handover h on h.app_id = m.app_id and h.openid = m.openid
  left join lateral wechat.allowance_of($1, $2) a on true`;

/** Undefined where the user never wrote, or is forgotten. */
export async function readConversation(
  pool: Pool,
  { appId, openid }: Address,
  { before, limit, handoverIdleMinutes, language }: ConversationOptions,
): Promise<Conversation | undefined> {
  const idle = handoverIdleMinutes === 0 ? null : `${handoverIdleMinutes} minutes`;
  const { rows } = await pool.query<Head>(headSql, [appId, openid, idle]);
  const [head] = rows;
  if (!head) return undefined;
  const { turns, earlier } = await readTurns(pool, { appId, openid }, { before, limit, language });
  return {
    account: appId,
    openid,
    state: stateOf(head),
    handover: toHandover(head),
    window: toWindow(head),
    turns,
    earlier,
  };
}

function toHandover(head: Head): Conversation['handover'] {
  if (!head.is_silent || head.since === null) return null;
  return {
    agent: holderOf(head),
    reason: head.reason,
    since: head.since.toISOString(),
    returnsAt: head.returns_at?.toISOString() ?? null,
    external: head.external !== null,
  };
}

/** Of the window that is open, or else the one that ended last. */
function toWindow({ ends_at, quota, used, last_end }: Head): Conversation['window'] {
  if (ends_at !== null) return { endsAt: ends_at.toISOString(), quota, used: used ?? 0 };
  return last_end === null ? null : { endsAt: last_end.toISOString(), quota: null, used: 0 };
}
