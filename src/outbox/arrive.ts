import type { Pool } from '../db/pool.js';
import type { TraceSpan } from '../observe/tracing.js';
import { dedupeKey } from '../wechat/in/dedupe-key.js';
import type { FieldMap } from '../wechat/in/fields.js';
import { type InboundMessage, messageType, searchableText } from '../wechat/in/message.js';
import type { ReplyWindow } from '../wechat/in/window.js';

/** A message on its way into the inbox. */
export interface Arrival {
  appId: string;
  /** Whether the account answers its users in order: then a conversation has one lane, else each message has its own. */
  ordered: boolean;
  message: InboundMessage;
  /** Absent when it opens none. */
  window?: ReplyWindow | undefined;
  /** Of its push, as in the log. */
  requestId?: string | undefined;
  /** Set where its push is recorded: whoever works on it goes on from there. */
  span?: TraceSpan | undefined;
}

export type ArriveResult = 'stored' | 'duplicate';

/** Stores a group of messages. All are committed when it resolves, none when it rejects for want of a database. */
export type Arrive = (arrivals: readonly Arrival[]) => Promise<ArriveResult[]>;

/**
 * Stores the group and its job together: no job without its messages, no message without a job. One job for the group (two
 * where some are urgent), because a job notifies, and Postgres serialises commits that notify.
 *
 * - The lanes are locked first, in the one order of locks, and the messages come from a join on them: so an id is drawn after
 *   its lane is locked, and the ids of a conversation commit in their order. Two pushes of a user cannot pass each other.
 * - A new lane's cursor is a number of the messages' own sequence, drawn before any lane is locked. While no lane exists, no
 *   unsettled message of the conversation is committed, and whoever brings one holds the lane's key. (`last_value` of the
 *   sequence would not do: it can read ahead of what was given out.)
 * - A message that is stored already, or that a concurrent group is storing, is skipped: the unique key decides, and waits for
 *   that group to commit, so a duplicate is acknowledged only when the original is durable.
 * - It rings for every free lane that it touched, also for one that only a duplicate made: somebody must look and drop it. A
 *   lane that is held needs none: whoever settles it sees that `arrivals` has grown.
 *
 * Which were stored is told only where some were not.
 */
const arriveSql = `
  with input as materialized (
    select *, wechat.is_urgent(to_timestamp(window_ends_at), to_timestamp(create_time)) as urgent
    from json_to_recordset($1) as arrival (
      n int, app_id text, openid text, slot text, dedupe_key text, request_id text, traceparent text, msg_type text, event text,
      event_key text, content text, payload jsonb, create_time float8, window_ends_at float8, window_quota int)
  ),
  lane as (
    insert into wechat.lane as l (app_id, openid, slot, arrivals, waiting, done_id, urgent_until)
    select app_id, openid, slot, count(*), count(*), (select nextval('wechat.inbound_message_id_seq')),
      to_timestamp(max(window_ends_at) filter (where urgent))
    from input group by app_id, openid, slot order by app_id, openid, slot
    on conflict (app_id, openid, slot) do update
    set arrivals = l.arrivals + excluded.arrivals, waiting = l.waiting + excluded.waiting,
        urgent_until = greatest(l.urgent_until, excluded.urgent_until)
    returning l.id, l.app_id, l.openid, l.slot, l.claim is null as is_free,
      coalesce(l.urgent_until > now(), false) as urgent
  ),
  fresh as (
    insert into wechat.inbound_message
      (app_id, openid, slot, dedupe_key, request_id, traceparent, msg_type, event, event_key, content, payload, created_at,
       window_ends_at, window_quota)
    select i.app_id, i.openid, i.slot, i.dedupe_key, i.request_id, i.traceparent, i.msg_type, i.event, i.event_key, i.content,
      i.payload, to_timestamp(i.create_time), to_timestamp(i.window_ends_at), i.window_quota
    from input i join lane l on (l.app_id, l.openid, l.slot) = (i.app_id, i.openid, i.slot)
    order by i.n
    on conflict (app_id, dedupe_key) do nothing
    returning app_id, dedupe_key
  ),
  job as (
    select wechat.ring(array_agg(id), array_agg(urgent), array_agg(now())) from lane where is_free having count(*) > 0
  )
  select (select count(*) from job) as jobs,
    case when (select count(*) from fresh) < $2
      then (select coalesce(json_agg(json_build_array(app_id, dedupe_key)), '[]') from fresh)
    end as stored`;

/** @param pool connections of the ingress alone, so that workers cannot starve it */
export function createArrive(pool: Pool): Arrive {
  return async (arrivals) => {
    const rows = arrivals.map(toRow);
    // The order of the users' own, so that ids follow it.
    const ordered = [...rows].sort(byTimeThenId);
    for (const [n, row] of ordered.entries()) row.n = n;
    const { rows: result } = await pool.query<{ stored: [appId: string, dedupeKey: string][] | null }>({
      name: 'arrive',
      text: arriveSql,
      // One text, which V8 writes out by itself: arrays of columns, pg would write value by value.
      values: [JSON.stringify(ordered), rows.length],
    });
    const stored = result[0]?.stored;
    if (!stored) return rows.map(() => 'stored');
    const fresh = new Set(stored.map(([appId, key]) => `${appId} ${key}`));
    // Of two copies in one group the first counts as stored.
    return rows.map(({ app_id, dedupe_key }) =>
      fresh.delete(`${app_id} ${dedupe_key}`) ? 'stored' : 'duplicate',
    );
  };
}

/** By the names of the columns that the statement gives it. Times are in seconds since 1970. */
interface Row {
  n: number;
  app_id: string;
  openid: string;
  slot: string;
  dedupe_key: string;
  request_id: string | undefined;
  traceparent: string | undefined;
  msg_type: string;
  event: string | undefined;
  event_key: string | undefined;
  content: string | undefined;
  payload: FieldMap;
  create_time: number;
  window_ends_at: number | undefined;
  window_quota: number | undefined;
  msg_id: string;
}

function toRow({ appId, ordered, message, window, requestId, span }: Arrival): Row {
  const isEvent = message.kind === 'event';
  const key = dedupeKey(message);
  return {
    n: 0,
    app_id: appId,
    openid: message.openid,
    slot: ordered ? '' : key,
    dedupe_key: key,
    request_id: requestId,
    traceparent: span?.traceparent,
    msg_type: messageType(message),
    event: isEvent ? message.name : undefined,
    event_key: isEvent ? message.eventKey : undefined,
    content: searchableText(message),
    payload: message.fields,
    create_time: message.createTime,
    window_ends_at: window && window.endsAt.getTime() / 1_000,
    window_quota: window?.quota,
    msg_id: isEvent ? '' : (message.msgId ?? ''),
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
