import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import type { FieldMap } from '../wechat/in/fields.js';
import type { WirePayload } from '../wechat/out/reply.js';
import { type HeldLane, type Hold, holdKey, type OpenMessage } from './lane.js';

/**
 * What is to be done in lanes that are held: after the claim's commit, and again after each settlement that kept the lane. One
 * snapshot shows arrivals, cursor, messages and deliveries together, and it is later than the lock: so `arrivals` counts no
 * message that this look does not see.
 *
 * It asks for one message more than it needs: a lane may be deleted only by who knew of no more. A lane of one message finds it
 * by its key, so that a user's other lanes play no part. Whether a person has the conversation is looked up by its key, too: as
 * `exists` the planner might read all that were taken.
 */
const lookSql = `
  select l.id as lane_id, l.claim, l.app_id, l.openid, l.arrivals, l.done_id, l.failures, l.crashes,
    exists (select from wechat.account_pause p where p.probe_lane_id = l.id) as is_probe,
    (select true from wechat.handover h where h.app_id = l.app_id and h.openid = l.openid) as is_taken, l.hushed,
    m.id, m.request_id, m.traceparent, date_part('epoch', m.received_at) as received_at, date_part('epoch', m.window_ends_at) as window_ends_at,
    m.window_quota, wechat.is_urgent(m.window_ends_at, m.created_at) as is_urgent, m.payload,
    case when wechat.is_urgent(m.window_ends_at, m.created_at) or m.window_ends_at <= now() then date_part('epoch', wechat.window_of(l.app_id, l.openid))
    end as longest_window_ends_at,
    d.is_planned, d.deliveries, m.merged_count is not null or m.msg_type = 'event' or m.slot <> '' as is_gathered,
    case when m.merged_count > 0 and not d.is_planned then (
      select json_agg(earlier.payload order by earlier.id) from wechat.inbound_message earlier where earlier.merged_into = m.id)
    end as merged
  from unnest($1::bigint[], $2::bigint[]) as hold (lane_id, claim)
  join wechat.lane l on l.id = hold.lane_id and l.claim = hold.claim
  left join lateral (
    (select m.* from wechat.inbound_message m
     where l.slot = '' and m.app_id = l.app_id and m.openid = l.openid and m.slot = '' and m.id > l.done_id
       and m.settled_at is null
     order by m.id limit 2)
    union all
    (select m.* from wechat.inbound_message m
     where l.slot <> '' and m.app_id = l.app_id and m.dedupe_key = l.slot and m.slot = l.slot and m.settled_at is null)
  ) m on true
  left join lateral (
    select count(*) > 0 as is_planned,
      json_agg(json_build_object(
        'id', d.id::text, 'position', d.position, 'payload', d.payload, 'attempts', d.attempts, 'failures', d.failures,
        'ignoresWindow', d.ignores_window, 'isReply', d.origin = 'reply',
        'startedAt', case d.status when 'sending' then date_part('epoch', d.attempt_started_at) end
      ) order by d.position) filter (where d.status in ('pending', 'sending')) as deliveries
    from wechat.delivery d where d.message_id = m.id
  ) d on true
  order by l.id, m.id`;

interface Row {
  lane_id: string;
  claim: string;
  app_id: string;
  openid: string;
  arrivals: string;
  done_id: string;
  failures: number;
  crashes: number;
  is_probe: boolean;
  is_taken: true | null;
  hushed: boolean;
  /** Null, with all that follows, in a lane without an open message. */
  id: string | null;
  request_id: string | null;
  traceparent: string | null;
  /** Times are in seconds since 1970: pg is slow at reading a time. */
  received_at: number;
  window_ends_at: number | null;
  longest_window_ends_at: number | null;
  window_quota: number | null;
  is_urgent: boolean;
  payload: FieldMap;
  is_planned: boolean;
  is_gathered: boolean;
  merged: FieldMap[] | null;
  deliveries:
    | {
        id: string;
        position: number;
        payload: WirePayload;
        attempts: number;
        failures: number;
        ignoresWindow: boolean;
        isReply: boolean;
        startedAt: number | null;
      }[]
    | null;
}

/** A lane for each hold, in the same order; undefined where the lane is not held by this claim any more. */
export type Look = (holds: readonly Hold[]) => Promise<(HeldLane | undefined)[]>;

export function createLook(pool: Pool): Look {
  return async (holds) => {
    const { rows } = await pool.query<Row>({
      name: 'look',
      text: lookSql,
      values: [column(holds, ({ laneId }) => laneId), column(holds, ({ claim }) => claim)],
    });
    const lanes = new Map<string, HeldLane>();
    for (const row of rows) {
      const key = holdKey(row.lane_id, row.claim);
      const lane = lanes.get(key);
      if (lane) lane.nextReceivedAt = toDate(row.received_at);
      else lanes.set(key, toLane(row));
    }
    return holds.map(({ laneId, claim }) => lanes.get(holdKey(laneId, claim)));
  };
}

function toLane(row: Row): HeldLane {
  return {
    laneId: row.lane_id,
    claim: row.claim,
    appId: row.app_id,
    openid: row.openid,
    arrivals: row.arrivals,
    doneId: row.done_id,
    failures: row.failures,
    crashes: row.crashes,
    isProbe: row.is_probe,
    isTaken: row.is_taken ?? false,
    isHushed: row.hushed,
    message: row.id === null ? undefined : toMessage(row, row.id),
    nextReceivedAt: undefined,
  };
}

function toMessage(row: Row, id: string): OpenMessage {
  return {
    id,
    requestId: row.request_id ?? undefined,
    traceparent: row.traceparent ?? undefined,
    receivedAt: toDate(row.received_at),
    windowEndsAt: toOptionalDate(row.longest_window_ends_at ?? row.window_ends_at),
    windowQuota: row.window_quota ?? undefined,
    isUrgent: row.is_urgent,
    fields: row.payload,
    isPlanned: row.is_planned,
    isGathered: row.is_gathered,
    merged: row.merged ?? [],
    deliveries: (row.deliveries ?? []).map(({ startedAt, ...delivery }) => ({
      ...delivery,
      attemptStartedAt: toOptionalDate(startedAt),
    })),
  };
}

function toDate(seconds: number): Date {
  return new Date(seconds * 1_000);
}

function toOptionalDate(seconds: number | null): Date | undefined {
  return seconds === null ? undefined : toDate(seconds);
}
