import { setTimeout as sleep } from 'node:timers/promises';
import { createBegin } from '#src/outbox/begin.js';
import { createClaim, createClaimNumbers } from '#src/outbox/claim.js';
import { createEnd, type DeliveryEnd } from '#src/outbox/end.js';
import { createEntrust } from '#src/outbox/entrust.js';
import type { HeldLane, Hold, OpenDelivery } from '#src/outbox/lane.js';
import { createLook } from '#src/outbox/look.js';
import { createPlanner } from '#src/outbox/plan.js';
import { createRelease } from '#src/outbox/release.js';
import { createSettle, type Settlement } from '#src/outbox/settle.js';
import type { Arena } from './arena.ts';
import { openShaky } from './connection.ts';
import { nextJob } from './jobs.ts';

/** What all workers did, to be compared. */
export interface Deeds {
  /** Messages whose plan is stored: their reply logic must not run again. */
  planned: Set<string>;
  /** Calls that were made, by delivery and attempt. */
  called: Set<string>;
}

export interface WorkerOptions {
  name: string;
  deeds: Deeds;
  mayDie(): boolean;
  isOver(): boolean;
}

/** A delivery on its way: its latest attempt is begun. */
interface Begun {
  lane: HeldLane;
  delivery: OpenDelivery;
  attempt: number;
  isLast: boolean;
}

const busyTries = 3;
const largestSet = 8;
const maxFailures = 3;

/** Works on lanes by sets, as the service does, until told to stop; now and then it is given up for dead and goes on. */
export async function work(arena: Arena, { name, deeds, mayDie, isOver }: WorkerOptions): Promise<void> {
  const { random, counts, violate, pool } = arena;
  let claims: string[] = [];
  const connection = openShaky(arena, { name, rollBack: 0.05, loseAnswer: 0.05, claims: () => claims });
  const { claim } = createClaim(connection.pool);
  const statements = {
    look: createLook(connection.pool),
    plan: createPlanner(connection.pool),
    begin: createBegin(connection.pool).begin,
    end: createEnd(connection.pool),
    settle: createSettle(connection.pool),
    release: createRelease(connection.pool),
    entrust: createEntrust(connection.pool),
  };
  const nextNumber = createClaimNumbers();
  let id = await register();
  let isDead = false;

  while (!isOver()) {
    if (isDead) {
      id = await register();
      isDead = false;
    }
    const job = await nextJob(arena);
    if (!job) {
      await sleep(3);
      continue;
    }
    const { held, busy } = await claimAll(job.laneIds);
    await job.done(busy);
    for (let at = 0; at < held.length; at += largestSet) await workOn(held.slice(at, at + largestSet));
    claims = [];
  }
  await connection.close();

  async function register(): Promise<number> {
    const { rows } = await pool.query<{ id: number }>(
      `insert into wechat.worker_process (hostname, pid) values ('stress', $1) returning id`,
      [process.pid],
    );
    return rows[0]?.id ?? 0;
  }

  /** @returns false when the worker leaves everything as it is */
  async function step(): Promise<boolean> {
    await sleep(random() * 4);
    if (isDead || !mayDie() || random() > 0.01) return true;
    isDead = true;
    counts.buried += 1;
    await pool.query('update wechat.worker_process set ended_at = now() where id = $1', [id]);
    return random() < 0.7;
  }

  async function claimAll(laneIds: readonly string[]): Promise<{ held: Hold[]; busy: string[] }> {
    const held: Hold[] = [];
    let wanted = [...laneIds];
    for (let tries = 0; wanted.length > 0 && tries < busyTries; tries += 1) {
      if (tries > 0) await sleep(20);
      const number = nextNumber(id);
      claims.push(number);
      const result = await claim(wanted, id, number);
      counts.claims += result.held.length;
      counts.busy += result.busy.length;
      held.push(...result.held.map((laneId) => ({ laneId, claim: number })));
      wanted = result.busy;
    }
    return { held, busy: wanted };
  }

  async function workOn(holds: readonly Hold[]): Promise<void> {
    let next: readonly Hold[] = holds;
    while (next.length > 0) {
      counts.looks += 1;
      const lanes = (await statements.look(next)).filter((lane) => lane !== undefined);
      const again = await round(lanes);
      if (!again) return;
      next = again;
    }
  }

  /** One message of each lane. @returns the lanes to look at again; undefined when the worker is no more */
  async function round(lanes: readonly HeldLane[]): Promise<readonly Hold[] | undefined> {
    const settlements: Settlement[] = [];
    const sending: { lane: HeldLane; deliveries: OpenDelivery[]; isBegun: boolean }[] = [];
    const thinking: HeldLane[] = [];
    const taken: HeldLane[] = [];
    const hushed: HeldLane[] = [];
    const givenBack: (Hold & { delayMs: number; failure?: string })[] = [];
    for (const lane of lanes) {
      const { message } = lane;
      if (random() < 0.03) givenBack.push({ ...lane, delayMs: random() * 200 });
      else if (!message || (message.isPlanned && message.deliveries.length === 0))
        settlements.push({ lane, status: 'settled' });
      else if (message.isPlanned && lane.isHushed && message.deliveries.some(({ isReply }) => isReply))
        hushed.push(lane);
      else if (!message.isPlanned && lane.isTaken) taken.push(lane);
      else if (message.isPlanned) sending.push({ lane, deliveries: message.deliveries, isBegun: false });
      else if (deeds.planned.has(message.id)) violate(`message ${message.id} is thought about again`);
      else if (random() < 0.9) thinking.push(lane);
      else if (lane.failures >= maxFailures || random() < 0.3)
        settlements.push({ lane, status: random() < 0.5 ? 'failed' : 'settled' });
      else givenBack.push({ ...lane, delayMs: random() * 100, failure: 'thrown' });
    }
    if (!(await step())) return undefined;
    const lost = await planFor(thinking, sending);
    const ends = await send(sending);
    if (!ends || !(await step())) return undefined;
    settlements.push(...ends.settlements);
    const kept = await settleAll(settlements);
    if (givenBack.length > 0) await releaseAll(givenBack);
    return [...lost, ...ends.lost, ...kept, ...(await entrustAll(taken)), ...(await dropAll(hushed))];
  }

  async function entrustAll(lanes: readonly HeldLane[]): Promise<HeldLane[]> {
    if (lanes.length === 0) return [];
    const results = await statements.entrust(lanes);
    counts.entrusted += results.filter((result) => result !== 'refused').length;
    return lanes.filter((_lane, index) => results[index] !== 'gone');
  }

  /** What an agent does not want sent any more. */
  async function dropAll(lanes: readonly HeldLane[]): Promise<readonly HeldLane[]> {
    const dropped = lanes.flatMap((lane) =>
      (lane.message?.deliveries ?? [])
        .filter(({ isReply }) => isReply)
        .map((delivery) => ({ lane, delivery })),
    );
    if (dropped.length > 0)
      await statements.end(dropped.map(({ lane, delivery }) => ({ ...lane, ...dropOf(delivery) })));
    return lanes;
  }

  async function planFor(
    thinking: readonly HeldLane[],
    sending: { lane: HeldLane; deliveries: OpenDelivery[]; isBegun: boolean }[],
  ): Promise<HeldLane[]> {
    if (thinking.length === 0) return [];
    const results = await statements.plan(
      thinking.map((lane) => ({
        ...lane,
        messageId: lane.message?.id ?? '',
        payloads: Array.from({ length: 1 + Math.floor(random() * 3) }, (_, n) => ({
          msgtype: 'text' as const,
          text: { content: `reply ${n + 1}` },
        })),
        beginsFirst: true,
      })),
    );
    const lost: HeldLane[] = [];
    for (const [index, lane] of thinking.entries()) {
      const result = results[index];
      if (result?.kind !== 'planned') {
        counts.refused += 1;
        lost.push(lane);
        continue;
      }
      counts.planned += 1;
      deeds.planned.add(lane.message?.id ?? '');
      sending.push({ lane, deliveries: result.deliveries, isBegun: true });
    }
    return lost;
  }

  /** Sends all deliveries, one of each lane at a time. The end of the last is left to the settlement. */
  async function send(
    sending: { lane: HeldLane; deliveries: OpenDelivery[]; isBegun: boolean }[],
  ): Promise<{ settlements: Settlement[]; lost: HeldLane[] } | undefined> {
    const settlements: Settlement[] = [];
    const lost = new Set<HeldLane>();
    for (let place = 0; sending.some(({ deliveries }) => place < deliveries.length); place += 1) {
      const turn = sending.flatMap(({ lane, deliveries, isBegun }): Begun[] => {
        const delivery = deliveries[place];
        if (!delivery || lost.has(lane)) return [];
        const attempt = isBegun && place === 0 ? delivery.attempts : delivery.attempts + 1;
        return [{ lane, delivery, attempt, isLast: place === deliveries.length - 1 }];
      });
      await noteUnknown(turn);
      const begun = await beginAll(turn, lost);
      if (!(await step())) return undefined;
      for (const { delivery, attempt } of begun) call(delivery.id, attempt);
      for (const { lane, delivery, attempt, isLast } of begun)
        if (isLast) settlements.push({ lane, status: 'settled', end: endOf(delivery, attempt) });
      const more = begun.filter(({ isLast }) => !isLast);
      if (more.length === 0) continue;
      const results = await statements.end(
        more.map(({ lane, delivery, attempt }) => ({ ...lane, ...endOf(delivery, attempt) })),
      );
      for (const [index, { lane }] of more.entries()) if (!results[index]) lost.add(lane);
    }
    return { settlements, lost: [...lost] };
  }

  /** Attempts that somebody left behind. */
  async function noteUnknown(turn: readonly Begun[]): Promise<void> {
    const left = turn.filter(({ delivery }) => delivery.attemptStartedAt);
    if (left.length === 0) return;
    await statements.end(
      left.map(({ lane, delivery }) => ({
        ...lane,
        ...endOf(delivery, delivery.attempts),
        call: { ...callNow(), outcome: 'unknown', httpStatus: undefined },
        status: 'pending',
        delayMs: 0,
      })),
    );
  }

  async function beginAll(turn: readonly Begun[], lost: Set<HeldLane>): Promise<Begun[]> {
    const wanted = turn.filter(({ delivery, attempt }) => attempt > delivery.attempts);
    if (wanted.length === 0) return [...turn];
    const results = await statements.begin(
      wanted.map(({ lane, delivery, attempt }) => ({ ...lane, deliveryId: delivery.id, attempt })),
    );
    for (const [index, { lane }] of wanted.entries()) {
      if (results[index]) continue;
      counts.refused += 1;
      lost.add(lane);
    }
    return turn.filter(({ lane }) => !lost.has(lane));
  }

  function call(deliveryId: string, attempt: number): void {
    const key = `${deliveryId} ${attempt}`;
    if (deeds.called.has(key)) violate(`attempt ${attempt} of delivery ${deliveryId} was made twice`);
    deeds.called.add(key);
    counts.calls += 1;
  }

  function dropOf(delivery: OpenDelivery): DeliveryEnd {
    const end = { ...endOf(delivery, delivery.attempts), errcode: undefined, errmsg: 'taken over' };
    if (!delivery.attemptStartedAt) return { ...end, call: undefined, status: 'cancelled' };
    return { ...end, call: { ...callNow(), outcome: 'unknown', httpStatus: undefined }, status: 'unknown' };
  }

  function endOf(delivery: OpenDelivery, attempt: number): DeliveryEnd {
    const isRefused = random() < 0.15;
    return {
      deliveryId: delivery.id,
      attempt,
      call: { ...callNow(), outcome: isRefused ? 'permanent' : 'sent', httpStatus: 200 },
      errcode: isRefused ? 40003 : 0,
      errmsg: isRefused ? 'refused' : 'ok',
      status: isRefused ? 'failed' : 'sent',
      failures: delivery.failures,
      delayMs: undefined,
    };
  }

  async function settleAll(settlements: readonly Settlement[]): Promise<HeldLane[]> {
    if (settlements.length === 0) return [];
    const results = await statements.settle(settlements);
    return settlements.flatMap(({ lane }, index) => {
      const result = results[index];
      counts[result === 'refused' ? 'refused' : result === 'kept' ? 'kept' : 'settled'] += 1;
      return result === 'gone' ? [] : [lane];
    });
  }

  async function releaseAll(releases: Parameters<typeof statements.release>[0]): Promise<void> {
    for (const isFreed of await statements.release(releases)) counts[isFreed ? 'released' : 'refused'] += 1;
  }
}

function callNow() {
  return { startedAt: new Date(), finishedAt: new Date() };
}
