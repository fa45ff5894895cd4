import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import { encodePayload, type WirePayload } from '../wechat/out/reply.js';
import type { Hold, OpenDelivery } from './lane.js';
import { storable } from './storable.js';

/** The reply logic's result for one message, to be stored before anything waits or is sent. */
export interface Plan extends Hold {
  messageId: string;
  /** At least one, in order. */
  payloads: readonly WirePayload[];
  /** Whether the first attempt follows at once: then it is stored as begun, which saves a statement. */
  beginsFirst: boolean;
  /** Why a person is to go on: stored with the replies, which are still sent. */
  handOver?: string | undefined;
}

/**
 * `lost`: nothing was stored. The lane is another worker's by now, or an agent took the conversation over and chose that no reply
 * is sent.
 */
export type PlanResult = { kind: 'planned'; deliveries: OpenDelivery[] } | { kind: 'lost' };

/**
 * Stores the deliveries of all plans. Run again after an answer that was lost, it finds what it stored.
 *
 * Whether the lane is hushed is asked of the row that is locked, not of the snapshot: a takeover is committed before, and nothing
 * is stored, or after, and gives up what was.
 *
 * @param asked one more part: that a person is asked for
 */
const planSql = (asked = '') => `
  with input as materialized (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::text[], $6::jsonb[], $7::boolean[])
      as i (lane_id, claim, message_id, position, msg_type, payload, begins)
  ),
  held as materialized (
    select i.lane_id, i.claim, i.message_id, l.app_id, l.openid
    from input i join wechat.lane l on l.id = i.lane_id and l.claim = i.claim and not l.hushed
    where i.position = 1
    order by l.app_id, l.openid, l.slot for update of l
  ),
  planned as (
    insert into wechat.delivery
      (message_id, position, app_id, openid, msg_type, payload, status, attempts, attempt_started_at)
    select i.message_id, i.position, held.app_id, held.openid, i.msg_type, i.payload,
      case when i.begins then 'sending' else 'pending' end, i.begins::int, case when i.begins then now() end
    from held join input i on (i.lane_id, i.claim) = (held.lane_id, held.claim)
    join wechat.inbound_message m on m.id = held.message_id and m.settled_at is null
    order by i.message_id, i.position
    on conflict (message_id, position) do nothing
    returning id, message_id, position
  )${asked}
  select null::bigint as id, claim, message_id, null::int as position from held
  union all
  select id, null, message_id, position from planned
  union all
  select d.id, null, d.message_id, d.position from held join wechat.delivery d on d.message_id = held.message_id
  where (select count(*) from planned)
    < (select count(*) from held join input i on (i.lane_id, i.claim) = (held.lane_id, held.claim))`;

const statements = {
  plan: { name: 'plan', text: planSql() },
  planAndAsk: {
    name: 'plan_and_ask',
    text: planSql(`,
  asked as (
    insert into wechat.handover (app_id, openid, reason, read_up_to)
    select held.app_id, held.openid, min(asking.reason), min(wechat.first_merged(held.message_id)) - 1
    from held
    join unnest($1::bigint[], $2::bigint[], $8::text[]) as asking (lane_id, claim, reason)
      on (asking.lane_id, asking.claim) = (held.lane_id, held.claim) and asking.reason is not null
    group by held.app_id, held.openid order by held.app_id, held.openid
    on conflict do nothing
  )`),
  },
};

/** Either a message that is held, under this claim, or one of its deliveries. */
type Row =
  | { id: null; claim: string; message_id: string; position: null }
  | { id: string; claim: null; message_id: string; position: number };

export function createPlanner(pool: Pool): (plans: readonly Plan[]) => Promise<PlanResult[]> {
  async function store(plans: readonly Plan[]): Promise<PlanResult[]> {
    const rows = plans.flatMap(({ laneId, claim, messageId, payloads, beginsFirst, handOver }) =>
      payloads.map((payload, index) => ({
        laneId,
        claim,
        messageId,
        position: index + 1,
        msgType: payload.msgtype,
        payload: encodePayload(payload),
        begins: beginsFirst && index === 0,
        handOver,
      })),
    );
    const asks = plans.some(({ handOver }) => handOver !== undefined);
    const { rows: found } = await pool.query<Row>({
      ...(asks ? statements.planAndAsk : statements.plan),
      values: [
        column(rows, ({ laneId }) => laneId),
        column(rows, ({ claim }) => claim),
        column(rows, ({ messageId }) => messageId),
        column(rows, ({ position }) => position),
        column(rows, ({ msgType }) => msgType),
        column(rows, ({ payload }) => payload),
        column(rows, ({ begins }) => begins),
        ...(asks ? [column(rows, ({ handOver }) => storable(handOver))] : []),
      ],
    });
    const held = new Set<string>();
    const idOf = new Map<string, string>();
    for (const { id, claim, message_id, position } of found) {
      if (id === null) held.add(`${claim} ${message_id}`);
      else idOf.set(`${message_id} ${position}`, id);
    }
    return plans.map((plan) =>
      held.has(`${plan.claim} ${plan.messageId}`) ? toResult(plan, idOf) : { kind: 'lost' },
    );
  }

  return async (plans) => {
    const results = await store(plans);
    const lost = plans.filter((_, index) => results[index]?.kind === 'lost');
    if (lost.length === 0) return results;
    // An earlier try may have been still to commit: this one waited for it, with a snapshot that does not show what it stored.
    const again = (await store(lost)).values();
    return results.map((result) => (result.kind === 'lost' ? (again.next().value ?? result) : result));
  };
}

function toResult({ messageId, payloads, beginsFirst }: Plan, idOf: ReadonlyMap<string, string>): PlanResult {
  const deliveries: OpenDelivery[] = [];
  for (const [index, payload] of payloads.entries()) {
    const id = idOf.get(`${messageId} ${index + 1}`);
    if (id === undefined) return { kind: 'lost' };
    deliveries.push({
      id,
      position: index + 1,
      payload,
      attempts: beginsFirst && index === 0 ? 1 : 0,
      failures: 0,
      ignoresWindow: false,
      isReply: true,
      attemptStartedAt: undefined,
    });
  }
  return { kind: 'planned', deliveries };
}
