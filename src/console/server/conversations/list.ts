import type { Pool } from '../../../db/pool.js';
import { inWords } from '../../../history/in-words.js';
import type { ConversationRow } from '../../contract/conversations.js';
import type { Page } from '../../contract/history.js';
import { findHeld, findOfUser, type ListQuery, walk } from './heads.js';
import { holderOf, stateOf } from './state.js';

/** Conversations, of which the user wrote last first. */
export async function listConversations(pool: Pool, query: ListQuery): Promise<Page<ConversationRow>> {
  const { state, agent, unread, q, before } = query;
  const ofPersons = agent !== undefined || unread;
  // What is with the replies nobody holds, and nobody is to read.
  if (ofPersons && (state === 'bot' || state === 'quiet')) return { rows: [], next: null };
  if (ofPersons || state === 'waiting' || state === 'taken') {
    const ids = await findHeld(pool, query);
    const rows = await describe(pool, ids);
    return { rows, next: ids.length < query.limit ? null : (ids.at(-1) ?? null) };
  }
  const ofUser = q !== undefined && before === undefined ? await findOfUser(pool, q, query.account) : [];
  if (ofUser.length > 0) {
    const rows = await describe(pool, ofUser);
    return { rows: rows.filter((row) => state === undefined || row.state === state), next: null };
  }
  const { ids, next } = await walk(pool, query);
  return { rows: await describe(pool, ids), next };
}

interface Found {
  app_id: string;
  openid: string;
  received_at: Date;
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
  origin: 'reply' | 'operator' | 'agent' | null;
  said: string | null;
  is_silent: boolean;
  agent: string | null;
  external: string | null;
  reason: string | null;
  unread: number;
  window_ends_at: Date | null;
}

/** So many unread messages are counted; more are as many to an agent. */
const mostUnread = 100;

/** @param ids each the latest message of its conversation */
const describeSql = `
  select m.app_id, m.openid, m.received_at, m.msg_type, m.event, m.event_key, left(m.content, 200) as content,
    d.origin, left(wechat.payload_text(d.payload), 200) as said,
    h.app_id is not null as is_silent, h.agent, h.external, h.reason,
    case when h.app_id is null then 0 else (
      select count(*)::int from (
        select from wechat.inbound_message u
        where u.app_id = m.app_id and u.openid = m.openid and u.id > h.read_up_to and u.msg_type <> 'event'
        limit ${mostUnread}) unread) end as unread,
    wechat.window_of(m.app_id, m.openid) as window_ends_at
  from wechat.inbound_message m
  left join wechat.handover h on h.app_id = m.app_id and h.openid = m.openid
  left join lateral (
    select d.origin, d.payload from wechat.delivery d where d.message_id = m.id order by d.position desc limit 1
  ) d on true
  where m.id = any($1::bigint[])
  order by m.id desc`;

async function describe(pool: Pool, ids: readonly string[]): Promise<ConversationRow[]> {
  if (ids.length === 0) return [];
  const { rows } = await pool.query<Found>(describeSql, [ids]);
  return rows.map((row) => ({
    account: row.app_id,
    openid: row.openid,
    state: stateOf(row),
    agent: holderOf(row),
    reason: row.reason,
    lastAt: row.received_at.toISOString(),
    lastText: row.said ?? inWords(row),
    lastFrom: row.origin === null ? 'user' : row.origin === 'reply' ? 'bot' : 'agent',
    unread: row.unread,
    windowEndsAt: row.window_ends_at?.toISOString() ?? null,
  }));
}
