import type { Pool } from '../db/pool.js';
import type { ReplyWindow } from '../replies/window.js';
import { type InboundMessage, messageType, searchableText } from '../wechat/message.js';
import { dedupeKey } from './dedupe-key.js';

/** A message on its way into the inbox. */
export interface Arrival {
  appId: string;
  message: InboundMessage;
  /** Absent when it opens none. */
  window?: ReplyWindow | undefined;
  /** Of its push, as in the log. */
  requestId?: string | undefined;
}

export type StoreResult = 'stored' | 'duplicate';

/** Stores a group of messages. All are committed when it resolves, none when it rejects for want of a database. */
export type StoreGroup = (arrivals: readonly Arrival[]) => Promise<StoreResult[]>;

/**
 * Stores the group and its job together: no job without its messages, no message without a job. One job for the
 * group (two where some are urgent), because a job notifies, and Postgres serialises commits that notify: a job a
 * message caps the whole server at some 1,500 messages a second.
 *
 * A message that is stored already, or that a concurrent group is storing, is skipped: the unique key decides, and
 * waits for that group to commit, so a duplicate is acknowledged only when the original is durable.
 */
const storeGroupSql = `
  with fresh as (
    insert into wechat.inbound_message
      (app_id, dedupe_key, openid, msg_type, event, event_key, content, created_at, payload, window_ends_at, window_quota,
       request_id)
    select *
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::timestamptz[], $9::jsonb[], $10::timestamptz[], $11::int[], $12::text[])
    on conflict (app_id, dedupe_key) do nothing
    returning id, app_id, dedupe_key, wechat.is_urgent(window_ends_at, created_at) as urgent
  ),
  job as (
    select wechat.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(now())) from fresh having count(*) > 0
  )
  select app_id, dedupe_key from fresh cross join (select count(*) from job) as added`;

/** @param pool connections of the ingress alone, so that workers cannot starve it */
export function createStore(pool: Pool): StoreGroup {
  return async (arrivals) => {
    const rows = arrivals.map(toRow);
    // Every process inserts in the same order, so that groups with messages in common cannot deadlock. The order is
    // the users' own, so that ids follow it.
    const ordered = [...rows].sort(byTimeThenId);
    const column = <K extends keyof Row>(name: K): Row[K][] => ordered.map((row) => row[name]);
    const { rows: stored } = await pool.query<{ app_id: string; dedupe_key: string }>({
      name: 'store-group',
      text: storeGroupSql,
      values: [
        column('appId'),
        column('dedupeKey'),
        column('openid'),
        column('msgType'),
        column('event'),
        column('eventKey'),
        column('content'),
        column('createdAt'),
        column('payload'),
        column('windowEndsAt'),
        column('windowQuota'),
        column('requestId'),
      ],
    });
    const fresh = new Set(stored.map(({ app_id, dedupe_key }) => `${app_id} ${dedupe_key}`));
    // Of two copies in one group the first counts as stored.
    return rows.map(({ appId, dedupeKey: key }) =>
      fresh.delete(`${appId} ${key}`) ? 'stored' : 'duplicate',
    );
  };
}

interface Row {
  appId: string;
  dedupeKey: string;
  openid: string;
  msgType: string;
  event: string | null;
  eventKey: string | null;
  content: string | null;
  createTime: number;
  msgId: string;
  createdAt: Date;
  payload: string;
  windowEndsAt: Date | null;
  windowQuota: number | null;
  requestId: string | null;
}

function toRow({ appId, message, window, requestId }: Arrival): Row {
  const isEvent = message.kind === 'event';
  return {
    appId,
    dedupeKey: dedupeKey(message),
    openid: message.openid,
    msgType: messageType(message),
    event: isEvent ? message.name : null,
    eventKey: isEvent ? (message.eventKey ?? null) : null,
    content: searchableText(message) ?? null,
    createTime: message.createTime,
    msgId: isEvent ? '' : (message.msgId ?? ''),
    createdAt: new Date(message.createTime * 1_000),
    payload: JSON.stringify(message.fields),
    windowEndsAt: window?.endsAt ?? null,
    windowQuota: window?.quota ?? null,
    requestId: requestId ?? null,
  };
}

/** MsgIds are compared as numbers of any length; they grow with time. */
function byTimeThenId(left: Row, right: Row): number {
  return (
    left.createTime - right.createTime ||
    left.msgId.length - right.msgId.length ||
    compare(left.msgId, right.msgId) ||
    compare(left.dedupeKey, right.dedupeKey) ||
    compare(left.appId, right.appId)
  );
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
