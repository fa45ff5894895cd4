import type { DeliveryEnd } from '#src/outbox/end.js';
import type { HeldLane, OpenDelivery } from '#src/outbox/lane.js';
import type { Settlement } from '#src/outbox/settle.js';
import type { Shift } from './shift.ts';

/** What a lane has to send. */
export interface Sending {
  lane: HeldLane;
  deliveries: OpenDelivery[];
  /** The first attempt was begun with the plan. */
  isBegun: boolean;
}

/** A delivery on its way: its latest attempt is begun. */
interface Begun {
  lane: HeldLane;
  delivery: OpenDelivery;
  attempt: number;
  isLast: boolean;
}

/**
 * Sends all deliveries, one of each lane at a time. The end of the last is left to the settlement.
 *
 * @returns undefined when the worker is no more
 */
export async function send(
  shift: Shift,
  sending: readonly Sending[],
): Promise<{ settlements: Settlement[]; lost: HeldLane[] } | undefined> {
  const settlements: Settlement[] = [];
  const lost = new Set<HeldLane>();
  for (let place = 0; sending.some(({ deliveries }) => place < deliveries.length); place += 1) {
    const turn = turnAt(place, sending, lost);
    await noteUnknown(shift, turn);
    const begun = await beginAll(shift, turn, lost);
    if (!(await shift.life.step())) return undefined;
    for (const { delivery, attempt } of begun) call(shift, delivery.id, attempt);
    for (const { lane, delivery, attempt, isLast } of begun)
      if (isLast) settlements.push({ lane, status: 'settled', end: endOf(shift, delivery, attempt) });
    const more = begun.filter(({ isLast }) => !isLast);
    if (more.length > 0) await endAll(shift, more, lost);
  }
  return { settlements, lost: [...lost] };
}

function turnAt(place: number, sending: readonly Sending[], lost: ReadonlySet<HeldLane>): Begun[] {
  return sending.flatMap(({ lane, deliveries, isBegun }): Begun[] => {
    const delivery = deliveries[place];
    if (!delivery || lost.has(lane)) return [];
    const attempt = isBegun && place === 0 ? delivery.attempts : delivery.attempts + 1;
    return [{ lane, delivery, attempt, isLast: place === deliveries.length - 1 }];
  });
}

/** Attempts that somebody left behind. */
async function noteUnknown(shift: Shift, turn: readonly Begun[]): Promise<void> {
  const left = turn.filter(({ delivery }) => delivery.attemptStartedAt);
  if (left.length === 0) return;
  await shift.statements.end(
    left.map(({ lane, delivery }) => ({
      ...lane,
      ...endOf(shift, delivery, delivery.attempts),
      call: { ...callNow(), outcome: 'unknown', httpStatus: undefined },
      status: 'pending',
      delayMs: 0,
    })),
  );
}

async function beginAll(
  { statements, arena: { counts } }: Shift,
  turn: readonly Begun[],
  lost: Set<HeldLane>,
): Promise<Begun[]> {
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

async function endAll(shift: Shift, ended: readonly Begun[], lost: Set<HeldLane>): Promise<void> {
  const results = await shift.statements.end(
    ended.map(({ lane, delivery, attempt }) => ({ ...lane, ...endOf(shift, delivery, attempt) })),
  );
  for (const [index, { lane }] of ended.entries()) if (!results[index]) lost.add(lane);
}

/** Ends what an agent does not want sent any more. */
export async function dropAll(shift: Shift, lanes: readonly HeldLane[]): Promise<readonly HeldLane[]> {
  const dropped = lanes.flatMap((lane) =>
    (lane.message?.deliveries ?? [])
      .filter(({ isReply }) => isReply)
      .map((delivery) => ({ ...lane, ...dropOf(shift, delivery) })),
  );
  if (dropped.length > 0) await shift.statements.end(dropped);
  return lanes;
}

function dropOf(shift: Shift, delivery: OpenDelivery): DeliveryEnd {
  const end = { ...endOf(shift, delivery, delivery.attempts), errcode: undefined, errmsg: 'taken over' };
  if (!delivery.attemptStartedAt) return { ...end, call: undefined, status: 'cancelled' };
  return { ...end, call: { ...callNow(), outcome: 'unknown', httpStatus: undefined }, status: 'unknown' };
}

function call({ arena: { counts, violate }, deeds }: Shift, deliveryId: string, attempt: number): void {
  const key = `${deliveryId} ${attempt}`;
  if (deeds.called.has(key)) violate(`attempt ${attempt} of delivery ${deliveryId} was made twice`);
  deeds.called.add(key);
  counts.calls += 1;
}

function endOf({ arena: { random } }: Shift, delivery: OpenDelivery, attempt: number): DeliveryEnd {
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

function callNow() {
  return { startedAt: new Date(), finishedAt: new Date() };
}
