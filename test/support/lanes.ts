import type pg from 'pg';
import type { Pool } from '../../src/db/pool.js';
import { type ArriveResult, createArrive } from '../../src/outbox/arrive.js';
import { createBegin } from '../../src/outbox/begin.js';
import { createClaim, createClaimNumbers } from '../../src/outbox/claim.js';
import { createEnd, type DeliveryEnd } from '../../src/outbox/end.js';
import type { HeldLane, OpenDelivery } from '../../src/outbox/lane.js';
import { createLook } from '../../src/outbox/look.js';
import { createMerge, type MergeResult } from '../../src/outbox/merge.js';
import { createPlanner } from '../../src/outbox/plan.js';
import { createRelease, type Release } from '../../src/outbox/release.js';
import { createSettle, type Settlement, type SettleResult } from '../../src/outbox/settle.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';
import { defaultWindows, replyWindow } from '../../src/wechat/in/window.js';
import { textMessage } from './messages.js';

/** A pool, or one of its clients in the middle of a transaction: a statement then stays open until the test commits. */
export type Queryable = Pick<pg.Pool, 'query'> | Pick<pg.PoolClient, 'query'>;

/** A row of wechat.lane, bigints as strings. */
export interface LaneRow {
  id: string;
  openid: string;
  slot: string;
  arrivals: string;
  done_id: string;
  waiting: number;
  due_at: Date;
  claim: string | null;
  worker_id: number | null;
  failures: number;
  crashes: number;
  error: string | null;
}

/** The statements of src/outbox, by hand: for tests that say themselves when each one runs. */
export interface Lanes {
  readonly appId: string;
  /** Stores the messages as one group, with the windows that they open. */
  arrive(...messages: InboundMessage[]): Promise<ArriveResult[]>;
  /** A text of this user, as a group of its own. Returns the id of the stored message. */
  say(openid: string, content?: string): Promise<string>;
  /** The user's lanes; one at most, where the account keeps order. */
  lanesOf(openid: string): Promise<LaneRow[]>;
  /** A new worker. It is alive as long as nobody looks for its lock. */
  worker(): Promise<LaneWorker>;
}

export interface LaneWorker {
  readonly id: number;
  /** Claims the user's lanes that are free and due, and looks at each. */
  claim(openid: string): Promise<HeldLane[]>;
  /** Claims the user's one lane. @throws when it is not to be had */
  take(openid: string): Promise<HeldLane>;
  look(lane: HeldLane): Promise<HeldLane | undefined>;
  /** Decides what is answered together with the lane's first message. */
  merge(lane: HeldLane, withinMs: number): Promise<MergeResult>;
  /** Plans texts for the lane's first message; the first attempt is begun with it. Undefined: the lane is lost. */
  plan(lane: HeldLane, ...texts: string[]): Promise<OpenDelivery[] | undefined>;
  begin(lane: HeldLane, deliveryId: string, attempt: number): Promise<boolean>;
  end(lane: HeldLane, end: DeliveryEnd): Promise<boolean>;
  settle(lane: HeldLane, how?: Partial<Omit<Settlement, 'lane'>>): Promise<SettleResult>;
  release(lane: HeldLane, how?: Partial<Omit<Release, 'laneId' | 'claim'>>): Promise<boolean>;
  /** Takes the user's lane and answers message after message until it is gone. Returns the ids of those messages. */
  answer(openid: string, text?: string): Promise<string[]>;
  /** The same statements on another connection, such as one with a transaction open. */
  on(connection: Queryable): LaneWorker;
}

export interface LaneOptions {
  appId?: string;
  /** Default: true. */
  ordered?: boolean;
}

export function createLanes(connection: Queryable, options: LaneOptions = {}): Lanes {
  const { appId = 'wx-lanes', ordered = true } = options;
  const pool = connection as Pool;
  const arriveAll = createArrive(pool);

  async function rows<T extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<T[]> {
    return (await pool.query<T>(text, values)).rows;
  }

  const lanes: Lanes = {
    appId,
    arrive: (...messages) =>
      arriveAll(
        messages.map((message) => ({
          appId,
          ordered,
          message,
          window: replyWindow(message, defaultWindows),
        })),
      ),
    async say(openid, content = 'hello') {
      await lanes.arrive(textMessage({ openid, content }));
      const [row] = await rows<{ id: string }>(
        'select max(id) as id from wechat.inbound_message where app_id = $1 and openid = $2',
        [appId, openid],
      );
      return known(row).id;
    },
    lanesOf: (openid) =>
      rows<LaneRow>('select * from wechat.lane where app_id = $1 and openid = $2 order by id', [
        appId,
        openid,
      ]),
    async worker() {
      const [row] = await rows<{ id: number }>(
        `insert into wechat.worker_process (hostname, pid) values ('test', 1) returning id`,
        [],
      );
      return createWorker(known(row).id, createClaimNumbers(), pool, appId);
    },
  };
  return lanes;
}

function createWorker(
  id: number,
  nextClaim: (workerId: number) => string,
  pool: Pool,
  appId: string,
): LaneWorker {
  const { claim } = createClaim(pool);
  const look = createLook(pool);
  const merge = createMerge(pool);
  const plan = createPlanner(pool);
  const { begin } = createBegin(pool);
  const end = createEnd(pool);
  const settle = createSettle(pool);
  const release = createRelease(pool);

  const worker: LaneWorker = {
    id,
    async claim(openid) {
      const { rows } = await pool.query<{ id: string }>(
        'select id from wechat.lane where app_id = $1 and openid = $2 order by id',
        [appId, openid],
      );
      if (rows.length === 0) return [];
      const number = nextClaim(id);
      const { held } = await claim(
        rows.map((lane) => lane.id),
        id,
        number,
      );
      return (await look(held.map((laneId) => ({ laneId, claim: number })))).map(known);
    },
    async take(openid) {
      const [lane] = await worker.claim(openid);
      if (!lane) throw new Error(`no lane of ${openid} is free and due`);
      return lane;
    },
    look: async (lane) => (await look([lane]))[0],
    merge: async (lane, withinMs) => known((await merge([{ lane, withinMs }]))[0]),
    async plan(lane, ...texts) {
      const payloads = texts.map((content) => ({ msgtype: 'text', text: { content } }));
      const messageId = known(lane.message).id;
      const [result] = await plan([{ ...lane, messageId, payloads, beginsFirst: true }]);
      return result?.kind === 'planned' ? result.deliveries : undefined;
    },
    begin: async (lane, deliveryId, attempt) => known((await begin([{ ...lane, deliveryId, attempt }]))[0]),
    end: async (lane, how) => known((await end([{ ...lane, ...how }]))[0]),
    settle: async (lane, how = {}) => known((await settle([{ lane, status: 'settled', ...how }]))[0]),
    release: async (lane, how = {}) => known((await release([{ ...lane, delayMs: 0, ...how }]))[0]),
    async answer(openid, text = 'answer') {
      let lane: HeldLane | undefined = await worker.take(openid);
      const answered: string[] = [];
      while (lane?.message) {
        const { id: messageId, isPlanned, deliveries } = lane.message;
        const open = isPlanned ? deliveries : known(await worker.plan(lane, text));
        const last = await sendAll(worker, lane, open);
        const result = await worker.settle(lane, { end: last });
        if (result === 'refused') throw new Error(`message ${messageId} was not this worker's to settle`);
        answered.push(messageId);
        lane = result === 'gone' ? undefined : await worker.look(lane);
      }
      if (lane) await worker.settle(lane);
      return answered;
    },
    on: (connection) => createWorker(id, nextClaim, connection as Pool, appId),
  };
  return worker;
}

/** Sends what is open of a message, in order. The end of the last one is left to say. */
async function sendAll(
  worker: LaneWorker,
  lane: HeldLane,
  open: readonly OpenDelivery[],
): Promise<DeliveryEnd | undefined> {
  for (const [index, delivery] of open.entries()) {
    const isBegun = delivery.attempts > 0 && !delivery.attemptStartedAt && lane.message?.isPlanned === false;
    const attempt = isBegun ? delivery.attempts : delivery.attempts + 1;
    if (!isBegun && !(await worker.begin(lane, delivery.id, attempt)))
      throw new Error(`delivery ${delivery.id} may not be sent`);
    const end = sent({ ...delivery, attempts: attempt });
    if (index === open.length - 1) return end;
    await worker.end(lane, end);
  }
  return undefined;
}

/** The end of an attempt that WeChat accepted; of a delivery as `plan` returns it, or as `look` does. */
export function sent(delivery: Pick<OpenDelivery, 'id' | 'attempts' | 'failures'>): DeliveryEnd {
  const attempt = Math.max(1, delivery.attempts);
  const at = new Date();
  return {
    deliveryId: delivery.id,
    attempt,
    call: { startedAt: at, finishedAt: at, outcome: 'sent', httpStatus: 200 },
    errcode: 0,
    errmsg: 'ok',
    status: 'sent',
    failures: delivery.failures,
    delayMs: undefined,
  };
}

/** The end of an attempt that WeChat refused for good. */
export function refused(
  delivery: Pick<OpenDelivery, 'id' | 'attempts' | 'failures'>,
  errcode = 40003,
): DeliveryEnd {
  const end = sent(delivery);
  return {
    ...end,
    call: end.call && { ...end.call, outcome: 'permanent' },
    errcode,
    errmsg: 'refused',
    status: 'failed',
    failures: delivery.failures + 1,
  };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the statement gave less than the test expects');
  return value;
}
