import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import type { FieldMap } from '../wechat/in/fields.js';
import type { WirePayload } from '../wechat/out/reply.js';

/** A worker's hold on a message. */
export interface HeldMessage {
  id: string;
  /** As Postgres writes it, to the microsecond: it tells this claim from a later one of the same worker's. */
  claimedAt: string;
}

/** An unsettled message that this worker, and no other, may work on. */
export interface ClaimedMessage extends HeldMessage {
  /** Of the push that brought it, for the log. */
  requestId: string | undefined;
  appId: string;
  openid: string;
  workerId: number;
  /** `received`: the reply logic is to run; `answering`: its result is stored in `deliveries`. */
  status: 'received' | 'answering';
  receivedAt: Date;
  /** The end of the longest reply window that is open for it: its own, or one that another message opened. */
  windowEndsAt: Date | undefined;
  /** Its own window is of minutes only. */
  isUrgent: boolean;
  /** Starts of the reply logic, this one included. */
  replyAttempts: number;
  /** How often a worker died while its reply logic ran, or may have run. */
  crashes: number;
  fields: FieldMap;
  /** How many replies its window allows; undefined when that is not known. */
  windowQuota: number | undefined;
  /** Let through a pause of its account, to see whether sending works again. */
  isProbe: boolean;
  /** Those that are not final, in order. */
  deliveries: OpenDelivery[];
}

export interface OpenDelivery {
  id: string;
  position: number;
  payload: WirePayload;
  /** HTTP calls begun so far. */
  attempts: number;
  failures: number;
  /** By an operator's force: tried although its window is over. */
  ignoresWindow: boolean;
  /** Set when an attempt was begun and its end is not on record. */
  attemptStartedAt: Date | undefined;
}

export interface Conversation {
  appId: string;
  openid: string;
}

/**
 * Gives messages to workers, so that a conversation is answered in order:
 *
 * - A message is claimed by one worker at a time, by a conditional update of its row; every later write of that
 *   worker repeats the condition (`claimed_by`), which fences off one that was given up for dead and lives.
 * - Messages of an account that rests (pauses.ts) are passed over, but for the one that probes it.
 * - A message is claimed only when its conversation has no earlier unsettled one. One that must wait keeps no job:
 *   whoever settles the earlier message claims the next *after* its commit. By then the two can no longer miss each
 *   other: either the waiting one's check saw the earlier message settled, or this look finds the waiting one.
 * - Two processes may commit two messages of one user in the other order of their ids, within milliseconds. Then the
 *   later id may be claimed before the earlier one is seen; the earlier one waits until that is settled.
 * - Where the account wants no order, a message waits for nothing but its own time.
 *
 * No lock and no connection is held between claiming and settling.
 */
export interface Claims {
  /** Claims those of `ids` that are due and at the head of their conversation. */
  claim(ids: readonly string[], workerId: number): Promise<ClaimedMessage[]>;
  /** Claims the oldest unsettled message of each conversation, where it is due and free. */
  claimNext(conversations: readonly Conversation[], workerId: number): Promise<ClaimedMessage[]>;
  /** What this worker has had claimed for at least so many seconds. */
  heldBy(workerId: number, seconds: number): Promise<HeldMessage[]>;
}

/**
 * Expects `candidate (id)` and completes it to a statement that claims and loads. "At the head" is asked as a look at
 * the first entry of the conversation in the index of unsettled messages, "none of it is claimed" as one for the first
 * that is: a probe a candidate, whatever the planner thinks of the backlog (for `not exists` it reads all of it). Which
 * rows are meant, here and wherever rows are found by their ids, is said by the status: by settled_at, a plan made while
 * little waited would read the whole index of unsettled messages for a few of them, and go on so with a backlog.
 */
const claimCandidates = `
  claimed as (
    update wechat.inbound_message m
    set claimed_by = $1, claimed_at = now(), reply_started_at = null,
        reply_attempts = m.reply_attempts + case m.status when 'received' then 1 else 0 end
    from candidate
    where m.id = any(array[candidate.id]) and m.status in ('received', 'answering') and m.claimed_by is null
      and m.due_at <= now()
      and (m.app_id = any($2) or (
        m.id = (
          select head.id from wechat.inbound_message head
          where head.app_id = m.app_id and head.openid = m.openid and head.settled_at is null
          order by head.id limit 1)
        and (
          select other.id from wechat.inbound_message other
          where other.app_id = m.app_id and other.openid = m.openid and other.settled_at is null
            and other.claimed_by is not null limit 1) is null))
      and exists (select from wechat.worker_process w where w.id = $1 and w.ended_at is null)
      and not exists (
        select from wechat.account_pause p where p.app_id = m.app_id and p.probe_message_id is distinct from m.id)
    returning m.id, m.app_id, m.openid, m.status, m.claimed_at, m.received_at, m.created_at, m.window_ends_at,
      m.window_quota, m.reply_attempts, m.crashes, m.payload, m.request_id
  )
  select id, app_id, openid, status, claimed_at::text, date_part('epoch', received_at) as received_at,
    date_part('epoch', window_ends_at) as window_ends_at, window_quota, reply_attempts, crashes, payload, request_id,
    wechat.is_urgent(window_ends_at, created_at) as is_urgent,
    case when wechat.is_urgent(window_ends_at, created_at) or window_ends_at <= now() then (
      select date_part('epoch', max(earlier.window_ends_at)) from wechat.inbound_message earlier
      where earlier.app_id = claimed.app_id and earlier.openid = claimed.openid
        and earlier.created_at > now() - interval '7 days'
    ) end as longest_window_ends_at,
    exists (select from wechat.account_pause p where p.probe_message_id = claimed.id) as is_probe,
    case when status = 'answering' then (
      select json_agg(json_build_object(
        'id', d.id::text, 'position', d.position, 'payload', d.payload, 'attempts', d.attempts,
        'failures', d.failures, 'ignoresWindow', d.ignores_window, 'started', case d.status when 'sending' then d.attempt_started_at end
      ) order by d.position)
      from wechat.delivery d
      where d.message_id = claimed.id and d.status in ('pending', 'sending')
    ) end as deliveries
  from claimed order by id`;

const claimSql = `with candidate as (select unnest($3::bigint[]) as id), ${claimCandidates}`;

const claimNextSql = `
  with candidate as (
    select next.id
    from (select distinct * from unnest($3::text[], $4::text[])) as conversation (app_id, openid)
    cross join lateral (
      select m.id from wechat.inbound_message m
      where m.app_id = conversation.app_id and m.openid = conversation.openid and m.settled_at is null
        and (m.claimed_by is null or m.app_id <> all($2))
      order by m.id limit 1
    ) next
  ), ${claimCandidates}`;

interface Row {
  id: string;
  request_id: string | null;
  app_id: string;
  openid: string;
  status: ClaimedMessage['status'];
  claimed_at: string;
  /** In seconds since 1970, as is what follows: pg takes longer to read a time than to do all else with a row. */
  received_at: number;
  window_ends_at: number | null;
  longest_window_ends_at: number | null;
  window_quota: number | null;
  is_urgent: boolean;
  crashes: number;
  is_probe: boolean;
  reply_attempts: number;
  payload: FieldMap;
  deliveries:
    | {
        id: string;
        position: number;
        payload: WirePayload;
        attempts: number;
        failures: number;
        ignoresWindow: boolean;
        started: string | null;
      }[]
    | null;
}

/** @param unordered accounts whose messages wait for no other */
export function createClaims(pool: Pool, unordered: readonly string[] = []): Claims {
  return {
    async claim(ids, workerId) {
      const { rows } = await pool.query<Row>({
        name: 'claim',
        text: claimSql,
        values: [workerId, unordered, column(ids, (id) => id)],
      });
      return rows.map((row) => toMessage(row, workerId));
    },

    async claimNext(conversations, workerId) {
      const { rows } = await pool.query<Row>({
        name: 'claim-next',
        text: claimNextSql,
        values: [
          workerId,
          unordered,
          column(conversations, ({ appId }) => appId),
          column(conversations, ({ openid }) => openid),
        ],
      });
      return rows.map((row) => toMessage(row, workerId));
    },

    async heldBy(workerId, seconds) {
      const { rows } = await pool.query<{ id: string; claimed_at: string }>(
        `select id, claimed_at::text from wechat.inbound_message
         where settled_at is null and claimed_by = $1 and claimed_at <= now() - $2 * interval '1 second'`,
        [workerId, seconds],
      );
      return rows.map(({ id, claimed_at }) => ({ id, claimedAt: claimed_at }));
    },
  };
}

function toMessage(row: Row, workerId: number): ClaimedMessage {
  const windowEndsAt = row.longest_window_ends_at ?? row.window_ends_at;
  return {
    id: row.id,
    requestId: row.request_id ?? undefined,
    appId: row.app_id,
    openid: row.openid,
    workerId,
    claimedAt: row.claimed_at,
    status: row.status,
    receivedAt: new Date(row.received_at * 1_000),
    windowEndsAt: windowEndsAt === null ? undefined : new Date(windowEndsAt * 1_000),
    isUrgent: row.is_urgent,
    crashes: row.crashes,
    replyAttempts: row.reply_attempts,
    fields: row.payload,
    windowQuota: row.window_quota ?? undefined,
    isProbe: row.is_probe,
    deliveries: (row.deliveries ?? []).map(({ started, ...delivery }) => ({
      ...delivery,
      attemptStartedAt: started === null ? undefined : new Date(started),
    })),
  };
}
