import { column } from '../db/column.js';
import type { Pool } from '../db/pool.js';
import { encodePayload, type WirePayload } from '../wechat/out/reply.js';
import type { OpenDelivery } from './claim.js';

/** The reply logic's result for one message, to be stored before anything is sent. */
export interface Plan {
  messageId: string;
  workerId: number;
  /** At least one, in order. */
  payloads: readonly WirePayload[];
  /** Whether the first attempt follows at once: then it is stored as begun, which saves a statement. */
  startFirst: boolean;
  /** What had to be cut from the replies, for the message's row. */
  note?: string | undefined;
}

export type PlanResult = { kind: 'planned'; deliveries: OpenDelivery[] } | { kind: 'lost' };

/**
 * Stores the deliveries of all plans. Of a message that was given to another worker nothing is stored. Run again
 * after an answer that was lost, it finds what it stored.
 */
const planSql = `
  with input as (
    select *
    from unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::jsonb[], $6::boolean[], $7::text[])
      as i (message_id, worker_id, position, msg_type, payload, starts, note)
  ),
  owned as (
    update wechat.inbound_message m set status = 'answering', error = coalesce(i.note, m.error)
    from (select distinct message_id, worker_id, note from input) i
    where m.id = any(array[i.message_id]) and m.claimed_by = any(array[i.worker_id])
      and m.status in ('received', 'answering')
    returning m.id, m.app_id, m.openid
  ),
  planned as (
    insert into wechat.delivery
      (message_id, position, app_id, openid, msg_type, payload, status, attempts, attempt_started_at)
    select owned.id, position, app_id, openid, msg_type, payload,
           case when starts then 'sending' else 'pending' end, starts::int, case when starts then now() end
    from owned join input on input.message_id = owned.id
    order by owned.id, position
    on conflict (message_id, position) do nothing
    returning id, message_id, position
  )
  select id, message_id, position from planned
  union all
  select d.id, d.message_id, d.position from wechat.delivery d join owned on d.message_id = any(array[owned.id])
  where (select count(*) from planned) < (select count(*) from owned join input on input.message_id = owned.id)`;

export function createPlanner(pool: Pool): (plans: readonly Plan[]) => Promise<PlanResult[]> {
  return async (plans) => {
    const rows = plans.flatMap(({ messageId, workerId, payloads, startFirst, note }) =>
      payloads.map((payload, index) => ({
        messageId,
        workerId,
        position: index + 1,
        msgType: payload.msgtype,
        payload: encodePayload(payload),
        starts: startFirst && index === 0,
        note,
      })),
    );
    const { rows: stored } = await pool.query<{ id: string; message_id: string; position: number }>({
      name: 'plan',
      text: planSql,
      values: [
        column(rows, ({ messageId }) => messageId),
        column(rows, ({ workerId }) => workerId),
        column(rows, ({ position }) => position),
        column(rows, ({ msgType }) => msgType),
        column(rows, ({ payload }) => payload),
        column(rows, ({ starts }) => starts),
        column(rows, ({ note }) => note),
      ],
    });
    const idOf = new Map(stored.map(({ id, message_id, position }) => [`${message_id} ${position}`, id]));
    return plans.map(({ messageId, payloads, startFirst }): PlanResult => {
      const deliveries: OpenDelivery[] = [];
      for (const [index, payload] of payloads.entries()) {
        const id = idOf.get(`${messageId} ${index + 1}`);
        if (id === undefined) return { kind: 'lost' };
        const attempts = startFirst && index === 0 ? 1 : 0;
        deliveries.push({
          id,
          position: index + 1,
          payload,
          attempts,
          failures: 0,
          ignoresWindow: false,
          attemptStartedAt: undefined,
        });
      }
      return { kind: 'planned', deliveries };
    });
  };
}
