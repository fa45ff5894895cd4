import type { HeldLane, Hold } from '#src/outbox/lane.js';
import type { Settlement } from '#src/outbox/settle.js';
import { accounts, mergeWithinMs } from './arena.ts';
import { dropAll, type Sending, send } from './sends.ts';
import type { Shift } from './shift.ts';

const maxFailures = 3;

type Release = Hold & { delayMs: number; failure?: string };

/** What the worker has chosen to do with each lane. */
interface Choices {
  settlements: Settlement[];
  sending: Sending[];
  thinking: HeldLane[];
  /** It is to be decided what is answered together. */
  gathering: HeldLane[];
  /** A person answers them. */
  taken: HeldLane[];
  /** An agent does not want their replies sent any more. */
  hushed: HeldLane[];
  givenBack: Release[];
}

/** One message of each lane. @returns the lanes to look at again; undefined when the worker is no more */
export async function round(shift: Shift, lanes: readonly HeldLane[]): Promise<readonly Hold[] | undefined> {
  const { settlements, sending, thinking, gathering, taken, hushed, givenBack } = choose(shift, lanes);
  const { step } = shift.life;
  if (!(await step())) return undefined;
  const gathered = await gather(shift, gathering, givenBack);
  const lost = await planFor(shift, thinking, sending);
  const ends = await send(shift, sending);
  if (!ends || !(await step())) return undefined;
  const kept = await settleAll(shift, [...settlements, ...ends.settlements]);
  if (givenBack.length > 0) await releaseAll(shift, givenBack);
  const left = [...(await entrustAll(shift, taken)), ...(await dropAll(shift, hushed))];
  return [...gathered, ...lost, ...ends.lost, ...kept, ...left];
}

function choose({ arena: { random, violate }, deeds }: Shift, lanes: readonly HeldLane[]): Choices {
  const choices: Choices = {
    settlements: [],
    sending: [],
    thinking: [],
    gathering: [],
    taken: [],
    hushed: [],
    givenBack: [],
  };
  const { settlements, sending, thinking, gathering, taken, hushed, givenBack } = choices;
  for (const lane of lanes) {
    const { message } = lane;
    if (random() < 0.03) givenBack.push({ ...lane, delayMs: random() * 200 });
    else if (!message || (message.isPlanned && message.deliveries.length === 0))
      settlements.push({ lane, status: 'settled' });
    else if (message.isPlanned && lane.isHushed && message.deliveries.some(({ isReply }) => isReply))
      hushed.push(lane);
    else if (!message.isPlanned && lane.isTaken) taken.push(lane);
    else if (message.isPlanned) sending.push({ lane, deliveries: message.deliveries, isBegun: false });
    else if (lane.appId === accounts.merging && !message.isGathered) gathering.push(lane);
    else if (deeds.planned.has(message.id)) violate(`message ${message.id} is thought about again`);
    else if (random() < 0.9) thinking.push(lane);
    else if (lane.failures >= maxFailures || random() < 0.3)
      settlements.push({ lane, status: random() < 0.5 ? 'failed' : 'settled' });
    else givenBack.push({ ...lane, delayMs: random() * 100, failure: 'thrown' });
  }
  return choices;
}

/** Who may still be writing is waited for. @returns the lanes of which it is decided */
async function gather(
  { arena: { counts }, statements }: Shift,
  lanes: readonly HeldLane[],
  givenBack: Release[],
): Promise<HeldLane[]> {
  if (lanes.length === 0) return [];
  const results = await statements.merge(lanes.map((lane) => ({ lane, withinMs: mergeWithinMs })));
  return lanes.filter((lane, index) => {
    const result = results[index];
    if (result?.kind === 'wait') givenBack.push({ ...lane, delayMs: result.forMs });
    else counts.gathered += 1;
    return result?.kind !== 'wait';
  });
}

/** Stores replies of made-up length; what is planned goes to `sending`. @returns the lanes that were lost */
async function planFor(
  { arena: { random, counts }, deeds, statements }: Shift,
  thinking: readonly HeldLane[],
  sending: Sending[],
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

async function settleAll(
  { arena: { counts }, statements }: Shift,
  settlements: readonly Settlement[],
): Promise<HeldLane[]> {
  if (settlements.length === 0) return [];
  const results = await statements.settle(settlements);
  return settlements.flatMap(({ lane }, index) => {
    const result = results[index];
    counts[result === 'refused' ? 'refused' : result === 'kept' ? 'kept' : 'settled'] += 1;
    return result === 'gone' ? [] : [lane];
  });
}

async function entrustAll(
  { arena: { counts }, statements }: Shift,
  lanes: readonly HeldLane[],
): Promise<HeldLane[]> {
  if (lanes.length === 0) return [];
  const results = await statements.entrust(lanes);
  counts.entrusted += results.filter((result) => result !== 'refused').length;
  return lanes.filter((_lane, index) => results[index] !== 'gone');
}

async function releaseAll(
  { arena: { counts }, statements }: Shift,
  releases: readonly Release[],
): Promise<void> {
  for (const isFreed of await statements.release(releases)) counts[isFreed ? 'released' : 'refused'] += 1;
}
