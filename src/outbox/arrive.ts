import type { Pool } from '../db/pool.js';
import { dedupeKey } from '../wechat/in/dedupe-key.js';
import type { FieldMap } from '../wechat/in/fields.js';
import { type InboundMessage, messageType, searchableText } from '../wechat/in/message.js';
import type { ReplyWindow } from '../wechat/in/window.js';

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
 * waits for that group to commit, so a duplicate is acknowledged only when the original is durable. Which were stored is
 * told only where some were not.
 */
const storeGroupSql = `
  with fresh as (
    insert into wechat.inbound_message
      (app_id, dedupe_key, openid, msg_type, event, event_key, content, created_at, payload, window_ends_at, window_quota,
       request_id)
    select app_id, dedupe_key, openid, msg_type, event, event_key, content, to_timestamp(create_time), payload,
      to_timestamp(window_ends_at), window_quota, request_id
    from json_to_recordset($1) as arrival (
      app_id text, dedupe_key text, openid text, msg_type text, event text, event_key text, content text,
      create_time float8, payload jsonb, window_ends_at float8, window_quota int, request_id text)
    on conflict (app_id, dedupe_key) do nothing
    returning id, app_id, dedupe_key, wechat.is_urgent(window_ends_at, created_at) as urgent
  ),
  job as (
    select wechat.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(now())) from fresh having count(*) > 0
  )
  select (select count(*) from job) as jobs,
    case when (select count(*) from fresh) < $2
      then (select coalesce(json_agg(json_build_array(app_id, dedupe_key)), '[]') from fresh)
    end as stored`;

/** @param pool connections of the ingress alone, so that workers cannot starve it */
export function createStore(pool: Pool): StoreGroup {
  return async (arrivals) => {
    const rows = arrivals.map(toRow);
    // Every process inserts in the same order, so that groups with messages in common cannot deadlock. The order is
    // the users' own, so that ids follow it.
    const ordered = [...rows].sort(byTimeThenId);
    const { rows: result } = await pool.query<{ stored: [appId: string, dedupeKey: string][] | null }>({
      name: 'store-group',
      text: storeGroupSql,
      // One text, which V8 writes out by itself: arrays of columns, pg would write value by value.
      values: [JSON.stringify(ordered), rows.length],
    });
    const stored = result[0]?.stored;
    if (!stored) return rows.map(() => 'stored');
    const fresh = new Set(stored.map(([appId, dedupeKey]) => `${appId} ${dedupeKey}`));
    // Of two copies in one group the first counts as stored.
    return rows.map(({ app_id, dedupe_key }) =>
      fresh.delete(`${app_id} ${dedupe_key}`) ? 'stored' : 'duplicate',
    );
  };
}

/** By the names of the columns that the statement gives it. Times are in seconds since 1970. */
interface Row {
  app_id: string;
  dedupe_key: string;
  openid: string;
  msg_type: string;
  event: string | undefined;
  event_key: string | undefined;
  content: string | undefined;
  create_time: number;
  msg_id: string;
  payload: FieldMap;
  window_ends_at: number | undefined;
  window_quota: number | undefined;
  request_id: string | undefined;
}

function toRow({ appId, message, window, requestId }: Arrival): Row {
  const isEvent = message.kind === 'event';
  return {
    app_id: appId,
    dedupe_key: dedupeKey(message),
    openid: message.openid,
    msg_type: messageType(message),
    event: isEvent ? message.name : undefined,
    event_key: isEvent ? message.eventKey : undefined,
    content: searchableText(message),
    create_time: message.createTime,
    msg_id: isEvent ? '' : (message.msgId ?? ''),
    payload: message.fields,
    window_ends_at: window && window.endsAt.getTime() / 1_000,
    window_quota: window?.quota,
    request_id: requestId,
  };
}

/** MsgIds are compared as numbers of any length; they grow with time. */
function byTimeThenId(left: Row, right: Row): number {
  return (
    left.create_time - right.create_time ||
    left.msg_id.length - right.msg_id.length ||
    compare(left.msg_id, right.msg_id) ||
    compare(left.dedupe_key, right.dedupe_key) ||
    compare(left.app_id, right.app_id)
  );
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
