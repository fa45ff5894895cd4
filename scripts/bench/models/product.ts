/** The product's own statements, by the functions of src/outbox/, on connections set as the service sets them. */
import { createPool, type Pool } from '#src/db/pool.js';
import { createArrive, type Arrival as OutboxArrival } from '#src/outbox/arrive.js';
import { createClaim, createClaimNumbers } from '#src/outbox/claim.js';
import type { HeldLane } from '#src/outbox/lane.js';
import { createLook } from '#src/outbox/look.js';
import { createPlanner } from '#src/outbox/plan.js';
import { createSettle } from '#src/outbox/settle.js';
import { type Arrival, connections, type Held, type Model } from './model.ts';
import { namedByJobs, sentNow } from './sample.ts';

const tables = 'wechat.inbound_message, wechat.lane, wechat.delivery, wechat.delivery_attempt';

export const product: Model = {
  name: 'product',
  async open(connectionString) {
    const durable = openPool(connectionString, {});
    const relaxed = openPool(connectionString, { relaxed: true });
    const { rows: workers } = await durable.query<{ id: number }>(
      `insert into wechat.worker_process (hostname, pid) values ('bench', 0) returning id`,
    );
    const workerId = workers[0]?.id ?? 0;
    const claimNumber = createClaimNumbers();
    const [arrive, { claim }, look] = [createArrive(durable), createClaim(relaxed), createLook(relaxed)];
    const [plan, settle] = [createPlanner(durable), createSettle(durable)];
    /** As the last look saw them. */
    const lanes = new Map<string, HeldLane>();
    return {
      async arrive(arrivals) {
        await arrive(arrivals.map(toArrival));
      },
      named: () =>
        namedByJobs(async (_name, text, values) => (await durable.query(text, values)).rows, 'ids'),
      async claim(ids) {
        const number = claimNumber(workerId);
        const { held } = await claim(ids, workerId, number);
        const unseen = { appId: '', openid: '', messageId: '', deliveryId: '', arrivals: null, doneId: '' };
        return held.map((laneId) => ({ ...unseen, laneId, claim: number }));
      },
      async look(held) {
        const seen = await look(held);
        return held.flatMap((one, nth) => {
          const lane = seen[nth];
          if (!lane?.message) return [];
          lanes.set(one.laneId, lane);
          return [{ ...one, messageId: lane.message.id }];
        });
      },
      async plan(held) {
        const payloads = [{ msgtype: 'text', text: { content: 'hello' } }] as const;
        const results = await plan(held.map((one) => ({ ...one, payloads, beginsFirst: true })));
        return held.map((one, nth) => {
          const result = results[nth];
          return { ...one, deliveryId: (result?.kind === 'planned' && result.deliveries[0]?.id) || '' };
        });
      },
      async settle(held) {
        const settlements = held.flatMap((one) => {
          const lane = lanes.get(one.laneId);
          return lane ? [{ lane, status: 'settled' as const, end: sent(one) }] : [];
        });
        const results = await settle(settlements);
        for (const { laneId } of held) lanes.delete(laneId);
        return held.filter((_, nth) => results[nth] === 'kept');
      },
      async empty() {
        await durable.query(`truncate ${tables}, graphile_worker._private_jobs restart identity`);
      },
      async vacuum() {
        await durable.query(`vacuum ${tables}`);
      },
      async analyze() {
        await durable.query(`analyze ${tables}`);
      },
      async close() {
        await Promise.all([durable.end(), relaxed.end()]);
      },
    };
  },
};

function openPool(connectionString: string, options: { relaxed?: boolean }): Pool {
  return createPool({
    connectionString,
    name: 'bench',
    max: connections,
    statementTimeoutMs: 60_000,
    planAgeMs: 5_000,
    ...options,
    onError: () => undefined,
  });
}

function toArrival(arrival: Arrival): OutboxArrival {
  const { openid, content, payload, create_time, window_ends_at, window_quota, request_id } = arrival;
  return {
    appId: arrival.app_id,
    ordered: true,
    message: {
      kind: 'text',
      toUserName: payload.ToUserName ?? '',
      openid,
      createTime: create_time,
      content,
      msgId: payload.MsgId,
      fields: { ...payload },
    },
    window: { endsAt: new Date(window_ends_at * 1_000), quota: window_quota },
    requestId: request_id,
  };
}

function sent({ deliveryId }: Held) {
  const { startedAt, finishedAt } = sentNow();
  return {
    deliveryId,
    attempt: 1,
    call: {
      startedAt: new Date(startedAt),
      finishedAt: new Date(finishedAt),
      outcome: 'sent' as const,
      httpStatus: 200,
    },
    errcode: 0,
    errmsg: 'ok',
    status: 'sent' as const,
    failures: 0,
    delayMs: undefined,
  };
}
