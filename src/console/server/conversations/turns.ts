import type { Pool } from '../../../db/pool.js';
import type { Language } from '../../../lib/language.js';
import { errorReason } from '../../../wechat/out/errors.js';
import type { SentTurn, Turn, UserTurn } from '../../contract/conversations.js';
import type { Address } from './address.js';
import { mediaKindOf } from './media-kinds.js';

interface Message {
  id: string;
  received_at: Date;
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
  payload: Record<string, unknown>;
  state: string;
  has_media: boolean;
}

interface Sent {
  id: string;
  at: Date;
  written_at: Date;
  origin: 'reply' | 'operator' | 'agent';
  agent: string | null;
  msg_type: string;
  said: string | null;
  media_id: string | null;
  has_media: boolean;
  status: string;
  errcode: number | null;
  errmsg: string | null;
}

// WeChat keeps a file for three days; what was looked at is kept here.
const messagesSql = `
  select m.id, m.received_at, m.msg_type, m.event, m.event_key, m.content, m.payload,
    case when m.settled_at is null then wechat.unsettled_state(m.id)
      when m.for_agent then 'with_agent' else m.status end as state,
    m.received_at > now() - interval '3 days' or exists (
      select from wechat.inbound_media i where i.message_id = m.id and i.position = 0) as has_media
  from wechat.inbound_message m
  where m.app_id = $1 and m.openid = $2 and m.forgotten_at is null and ($3::bigint is null or m.id < $3)
  order by m.id desc limit $4`;

/** Agents may send many messages on one of a quiet user; WeChat's allowance keeps them few. */
const mostSent = 1_000;

const sentSql = `
  select d.id, coalesce(d.sent_at, d.created_at) as at, d.created_at as written_at, d.origin, d.agent, d.msg_type,
    nullif(wechat.payload_text(d.payload), '[' || d.msg_type || ']') as said,
    case when jsonb_typeof(d.payload -> d.msg_type -> 'media_id') = 'string'
      then d.payload -> d.msg_type ->> 'media_id' end as media_id,
    d.created_at > now() - interval '3 days' or exists (
      select from wechat.inbound_media i where i.message_id = d.message_id and i.position = d.position) as has_media,
    d.status, d.errcode, d.errmsg
  from wechat.delivery d
  where d.message_id = any($1::bigint[])
  order by d.message_id desc, d.position desc limit ${mostSent}`;

/** The latest messages of the user and what was sent on them, in the order in which they were written. */
export async function readTurns(
  pool: Pool,
  { appId, openid }: Address,
  { before, limit, language }: { before: string | undefined; limit: number; language: Language },
): Promise<{ turns: Turn[]; earlier: string | null }> {
  const { rows } = await pool.query<Message>(messagesSql, [appId, openid, before ?? null, limit + 1]);
  const messages = rows.slice(0, limit);
  const { rows: sent } = await pool.query<Sent>(sentSql, [messages.map(({ id }) => id)]);
  const written = [
    ...sent.map((row) => ({ at: row.written_at, turn: ofSent(row, language) })),
    ...messages.map((row) => ({ at: row.received_at, turn: ofUser(row) })),
  ];
  // Newest first until here; of one moment, what was written together keeps its order.
  const turns = written.reverse().sort((one, other) => one.at.getTime() - other.at.getTime());
  const earlier = rows.length > limit ? (messages.at(-1)?.id ?? null) : null;
  return { turns: turns.map(({ turn }) => turn), earlier };
}

function ofUser(row: Message): Turn {
  const { id: messageId, msg_type: type } = row;
  const base = { key: `m${messageId}`, at: row.received_at.toISOString(), messageId };
  if (type === 'event') return { ...base, from: 'event', event: row.event ?? '', text: row.event_key };
  const kind = mediaKindOf(type);
  return {
    ...base,
    from: 'user',
    type,
    text: type === 'location' || type === 'link' ? null : row.content,
    media:
      kind && row.has_media && typeof row.payload.MediaId === 'string'
        ? { kind, path: `media/${base.key}` }
        : null,
    location: locationOf(row),
    link: linkOf(row),
    state: row.state,
  };
}

function ofSent(row: Sent, language: Language): SentTurn {
  const kind = mediaKindOf(row.msg_type);
  const key = `d${row.id}`;
  const isSent = row.status === 'sent';
  const reason = row.errcode === null ? undefined : errorReason(row.errcode, language);
  return {
    key,
    at: row.at.toISOString(),
    from: row.origin === 'reply' ? 'bot' : row.origin,
    deliveryId: row.id,
    agent: row.agent,
    type: row.msg_type,
    text: row.said,
    media: kind && row.has_media && row.media_id !== null ? { kind, path: `media/${key}` } : null,
    state: row.status,
    error: isSent ? null : (reason ?? row.errmsg),
  };
}

function locationOf({ msg_type, payload, content }: Message): UserTurn['location'] {
  if (msg_type !== 'location') return null;
  const latitude = Number(payload.Location_X || Number.NaN);
  const longitude = Number(payload.Location_Y || Number.NaN);
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null;
  return { latitude, longitude, label: content ?? '' };
}

/** Never one that would run when it is tapped: http(s) only. */
function linkOf({ msg_type, payload, content }: Message): UserTurn['link'] {
  const url = payload.Url;
  if (msg_type !== 'link' || typeof url !== 'string' || !/^https?:\/\//i.test(url)) return null;
  return { title: content ?? url, url };
}
