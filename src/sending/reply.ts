import { setMaxListeners } from 'node:events';
import type { SendRate } from '../accounts/send-rate.js';
import type { HeldLane, OpenDelivery, OpenMessage } from '../outbox/lane.js';
import type { Plan, PlanResult } from '../outbox/plan.js';
import type { SettleResult } from '../outbox/settle.js';
import type { WirePayload } from '../wechat/out/reply.js';
import type { AttemptRules } from './attempt-state.js';
import { createDeliver } from './deliver.js';
import { createEvidence } from './evidence.js';
import { createGate, type Gate } from './gate.js';
import { createLeaves, type Leaves } from './leave.js';
import { hasMediaSource } from './media.js';
import { type RetryPolicy, urgentPolicy } from './retry-policy.js';
import type { DeliverDependencies, DeliverTask, SendingAccount } from './run.js';

/** All statements take one item here, and are batched by who passes them in. */
export interface SendReplyDependencies extends Omit<DeliverDependencies, 'gate' | 'leaves' | 'evidence'> {
  plan(plan: Plan): Promise<PlanResult>;
  sendRate: SendRate;
  /** Calls at once, for each account. */
  sendConcurrency: number;
  policy: RetryPolicy;
  /** How long a worker must be missing before its work is given away. */
  rescueAfterMs: number;
  /** Milliseconds that never run backwards. */
  now(): number;
}

/** What the reply logic returned, fitted and in wire form. */
export interface Thought {
  payloads: readonly WirePayload[];
  /** What had to be cut, for the message's row. */
  note: string | undefined;
  /** Why a person is to go on after these replies; undefined: nobody need. */
  handOver?: string | undefined;
}

export type SendEnd =
  /** The message and the end of its last delivery are on record; or that was refused: then the lane is to be looked at again. */
  | { kind: 'settled'; result: SettleResult }
  /** To be tried again: the lane is to be released for so long. */
  | { kind: 'later'; delayMs: number }
  /** The account rests: the lane is to be released until it goes on. */
  | { kind: 'paused' }
  /** A statement said that this is not this worker's to do: the lane is to be looked at again. */
  | { kind: 'lost' }
  /** The process is to stop, and nothing is under way: the lane is to be released at once. */
  | { kind: 'stopped' };

/**
 * Stores a reply and sends it, one delivery after the other, each to its end.
 *
 * @param thought absent where the reply is stored already (`message.isPlanned`)
 */
export type SendReply = (
  lane: HeldLane,
  message: OpenMessage,
  account: SendingAccount,
  thought: Thought | undefined,
) => Promise<SendEnd>;

/** The longest of WeChat's reply windows: for messages of which none is known. */
const longestWindowMs = 48 * 3_600_000;

interface Tools extends SendReplyDependencies {
  gate: Gate;
  leaves: Leaves;
  urgent: RetryPolicy;
}

type Planned =
  | { kind: 'planned'; deliveries: readonly OpenDelivery[]; begun: DeliverTask['begun'] }
  | { kind: 'lost' };

export function createSendReply(dependencies: SendReplyDependencies): SendReply {
  const { sendConcurrency, sendRate, drain, now, clock, policy, rescueAfterMs } = dependencies;
  // One for each reply that waits for a slot.
  setMaxListeners(0, drain);
  const gate = createGate({ concurrency: sendConcurrency, rate: sendRate, drain });
  const leaves = createLeaves({ lastsMs: rescueAfterMs / 2, now, clock });
  const deliver = createDeliver({ ...dependencies, gate, leaves, evidence: createEvidence(now) });
  const tools: Tools = { ...dependencies, gate, leaves, urgent: urgentPolicy(policy) };

  return async (lane, message, account, thought) => {
    const note = thought?.note;
    const planned = await planFirst(tools, lane, message, account, thought);
    if (planned.kind === 'lost') return planned;
    const { deliveries, begun } = planned;
    for (const [index, delivery] of deliveries.entries()) {
      const rules = rulesFor(tools, lane, message, account, deliveries.slice(index));
      const first = index === 0 ? begun : undefined;
      const end = await deliver({ lane, message, account, delivery, rules, begun: first, note });
      if (end.kind !== 'final') return end;
    }
    const result = await tools.settle({ lane, status: 'settled', error: note });
    return { kind: 'settled', result };
  };
}

/**
 * Puts the reply on record before anything waits: what the logic has returned must not be lost with this process. Its first
 * attempt is stored as begun along with it only where nothing keeps it from being made at once.
 */
async function planFirst(
  tools: Tools,
  { laneId, claim, isProbe }: HeldLane,
  message: OpenMessage,
  account: SendingAccount,
  thought: Thought | undefined,
): Promise<Planned> {
  if (message.isPlanned) return { kind: 'planned', deliveries: message.deliveries, begun: undefined };
  if (!thought) throw new Error(`Message ${message.id} has no reply, neither stored nor made`);
  const { payloads, handOver } = thought;
  if (payloads.length === 0) return { kind: 'planned', deliveries: [], begun: undefined };
  const token = enterAtOnce(tools, account, isProbe, payloads[0]);
  const leave = tools.leaves.ask();
  let isInside = token !== undefined;
  try {
    const plan = { laneId, claim, messageId: message.id, payloads, beginsFirst: isInside, handOver };
    const planned = await tools.plan(plan);
    if (planned.kind === 'lost') return planned;
    isInside = false;
    return { ...planned, begun: token === undefined ? undefined : { leave, token } };
  } finally {
    if (isInside) tools.gate.leave(account.appId);
  }
}

/** Passes the gate if a call can be made right now, with nothing between that takes long or may fail. @returns its token */
function enterAtOnce(
  { gate, tokens, pauses }: Tools,
  account: SendingAccount,
  isProbe: boolean,
  first: WirePayload | undefined,
): string | undefined {
  if (!first || hasMediaSource(first)) return undefined;
  if (pauses.isPaused(account.appId) && !isProbe) return undefined;
  const token = tokens.peek(account);
  return token !== undefined && gate.tryEnter(account) ? token : undefined;
}

/** @param open the delivery in question, and those behind it */
function rulesFor(
  { policy, urgent }: Tools,
  { isProbe }: HeldLane,
  { isUrgent, windowEndsAt, receivedAt }: OpenMessage,
  { onUnknown }: SendingAccount,
  [delivery, ...behind]: readonly OpenDelivery[],
): AttemptRules {
  const isForced = delivery?.ignoresWindow === true;
  return {
    policy: isUrgent ? urgent : policy,
    onUnknown,
    windowEndsAt: isForced ? undefined : windowEndsAt,
    waitsUntil: isForced ? undefined : (windowEndsAt ?? new Date(receivedAt.getTime() + longestWindowMs)),
    isProbe,
    isLast: behind.length === 0,
    bindsRest: !behind.some(({ ignoresWindow }) => ignoresWindow),
  };
}
