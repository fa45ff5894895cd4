/**
 * The states of messages, deliveries and lanes, and every transition between them, as data. docs/states.md draws the same; a test
 * holds this table, the drawing, the CHECKs of the tables and the files together.
 */

export const messageStatuses = ['received', 'settled', 'failed'] as const;
export type MessageStatus = (typeof messageStatuses)[number];

export const deliveryStatuses = [
  'pending',
  'sending',
  'sent',
  'failed',
  'expired',
  'unknown',
  'cancelled',
] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export const attemptOutcomes = ['sent', 'token', 'transient', 'throttled', 'permanent', 'unknown'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** `none`: the row is not there yet, or no more. A lane is `held` while it has a claim. */
export type MessageState = MessageStatus | 'none';
export type DeliveryState = DeliveryStatus | 'none';
export type LaneState = 'none' | 'free' | 'held';

/** Who may take a transition: the holder of the lane, any worker in its rounds, and so on. */
export type Taker = 'ingress' | 'holder' | 'maintenance' | 'operator';

export interface Transition<State> {
  name: string;
  /** From and to. */
  moves: readonly (readonly [from: State, to: State])[];
  by: Taker;
  /** The one file in which it stands. */
  file: string;
  /** What is written, beside the state. */
  writes: string;
}

/** Each of these to each of those. */
function every<State>(from: readonly State[], to: readonly State[]): (readonly [State, State])[] {
  return from.flatMap((one) => to.map((other) => [one, other] as const));
}

/** A row that may be there in any of these states, and stays in it. */
function staying<State>(states: readonly State[]): (readonly [State, State])[] {
  return states.map((state) => [state, state] as const);
}

const operators = 'migrations/0004_operators.sql';
const handover = 'migrations/0006_handover.sql';
const restore = 'migrations/0016_upgrade_and_restore.sql';
const sharedState = 'migrations/0003_shared_state.sql';

export const messageTransitions: readonly Transition<MessageState>[] = [
  {
    name: 'arrive',
    moves: [['none', 'received']],
    by: 'ingress',
    file: 'src/outbox/arrive.ts',
    writes: 'the whole row; its lane; a job, where the lane is free',
  },
  {
    name: 'settle',
    moves: every<MessageState>(['received'], ['settled', 'failed']),
    by: 'holder',
    file: 'src/outbox/settle.ts',
    writes: 'settled_at, error; the end of its last delivery; the lane',
  },
  {
    name: 'merge',
    moves: [['received', 'settled'], ...staying<MessageState>(['received'])],
    by: 'holder',
    file: 'src/outbox/merge.ts',
    writes: 'settled_at, merged_into, of all but the last of them; merged_count of the last; the lane',
  },
  {
    name: 'entrust',
    moves: [['received', 'settled']],
    by: 'holder',
    file: 'src/outbox/entrust.ts',
    writes: 'settled_at, for_agent; the lane',
  },
  {
    name: 'cancel',
    moves: [['received', 'settled']],
    by: 'operator',
    file: operators,
    writes: 'settled_at, error; the lane; operator_action',
  },
  {
    name: 'hold',
    moves: every<MessageState>(['received'], ['settled', 'failed']),
    by: 'operator',
    file: restore,
    writes: 'settled_at; error, of one without deliveries; the lane; operator_action',
  },
  {
    name: 'requeue',
    moves: every<MessageState>(['settled', 'failed'], ['received']),
    by: 'operator',
    file: operators,
    writes: 'settled_at; the lane; a job; operator_action',
  },
  {
    name: 'send',
    moves: every<MessageState>(['received', 'settled', 'failed'], ['received']),
    by: 'operator',
    file: operators,
    writes: 'settled_at; one more delivery; the lane; a job; operator_action',
  },
  {
    name: 'takeover',
    moves: [['received', 'settled']],
    by: 'operator',
    file: handover,
    writes: 'settled_at, where all of its replies were given up; the lane; handover; operator_action',
  },
  {
    name: 'agent send',
    moves: every<MessageState>(['received', 'settled', 'failed'], ['received']),
    by: 'operator',
    file: handover,
    writes: 'settled_at, for_agent; one more delivery; the lane; a job; operator_action',
  },
  {
    name: 'forget',
    moves: [['received', 'settled'], ...staying<MessageState>(['settled', 'failed'])],
    by: 'operator',
    file: operators,
    writes: 'openid, dedupe_key, content and payload go; forgotten_at; operator_action',
  },
  {
    name: 'retire',
    moves: every<MessageState>(['settled', 'failed'], ['none']),
    by: 'maintenance',
    file: 'src/outbox/retention.ts',
    writes: 'deletes the message, its deliveries and their attempts',
  },
];

/** By the end of an attempt that comes late, from a worker that lost the lane. */
const lateTruth = every<DeliveryState>(['unknown'], ['sent', 'failed', 'expired']);

export const deliveryTransitions: readonly Transition<DeliveryState>[] = [
  {
    name: 'plan',
    moves: every<DeliveryState>(['none'], ['pending', 'sending']),
    by: 'holder',
    file: 'src/outbox/plan.ts',
    writes: 'the whole row; attempts and attempt_started_at, where the first attempt follows at once',
  },
  {
    name: 'begin',
    moves: every<DeliveryState>(['pending', 'sending'], ['sending']),
    by: 'holder',
    file: 'src/outbox/begin.ts',
    writes: 'attempts, attempt_started_at',
  },
  {
    name: 'end',
    moves: [
      ...every<DeliveryState>(['pending', 'sending'], ['pending', 'sent', 'failed', 'expired', 'unknown']),
      ['pending', 'cancelled'],
      ...lateTruth,
    ],
    by: 'holder',
    file: 'src/outbox/end.ts',
    writes: 'a row in delivery_attempt; failures, errcode, errmsg, next_attempt_at, sent_at',
  },
  {
    name: 'settle',
    moves: [
      ...every<DeliveryState>(['pending', 'sending'], ['sent', 'failed', 'expired', 'unknown']),
      ...lateTruth,
    ],
    by: 'holder',
    file: 'src/outbox/settle.ts',
    writes: 'as end, for the last one; what would fail behind it; the message; the lane',
  },
  {
    name: 'send',
    moves: [['none', 'pending']],
    by: 'operator',
    file: operators,
    writes: 'the whole row, origin operator',
  },
  {
    name: 'cancel',
    moves: every<DeliveryState>(['pending', 'sending'], ['cancelled']),
    by: 'operator',
    file: operators,
    writes: 'errmsg; an attempt that was under way ends as unknown; operator_action',
  },
  {
    name: 'hold',
    moves: every<DeliveryState>(['pending', 'sending'], ['unknown']),
    by: 'operator',
    file: restore,
    writes: 'errmsg; an attempt that was under way ends as unknown; operator_action',
  },
  {
    name: 'requeue',
    moves: every<DeliveryState>(['failed', 'expired', 'unknown', 'cancelled'], ['pending']),
    by: 'operator',
    file: operators,
    writes: 'failures, ignores_window; the message; the lane; a job; operator_action',
  },
  {
    name: 'takeover',
    moves: every<DeliveryState>(['pending', 'sending'], ['cancelled']),
    by: 'operator',
    file: handover,
    writes: 'errmsg, of replies of the reply logic that nobody is sending; handover; operator_action',
  },
  {
    name: 'agent send',
    moves: [['none', 'pending']],
    by: 'operator',
    file: handover,
    writes: 'the whole row, origin agent',
  },
  {
    name: 'retire',
    moves: every<DeliveryState>(['sent', 'failed', 'expired', 'unknown', 'cancelled'], ['none']),
    by: 'maintenance',
    file: 'src/outbox/retention.ts',
    writes: 'deletes it with its message',
  },
];

export const laneTransitions: readonly Transition<LaneState>[] = [
  {
    name: 'arrive',
    moves: [['none', 'free'], ...staying<LaneState>(['free', 'held'])],
    by: 'ingress',
    file: 'src/outbox/arrive.ts',
    writes:
      'arrivals, waiting, urgent_until; a new lane is free, its cursor drawn from the sequence of messages',
  },
  {
    name: 'claim',
    moves: [['free', 'held']],
    by: 'holder',
    file: 'src/outbox/claim.ts',
    writes: 'claim, worker_id, claimed_at',
  },
  {
    name: 'suspect',
    moves: [['held', 'held']],
    by: 'holder',
    file: 'src/outbox/begin.ts',
    writes: 'suspected_at',
  },
  {
    name: 'settle',
    moves: every<LaneState>(['held'], ['held', 'none']),
    by: 'holder',
    file: 'src/outbox/settle.ts',
    writes:
      'it goes if nothing has come since the look; else done_id, by comparison; the same where it entrusts',
  },
  {
    name: 'merge',
    moves: [['held', 'held']],
    by: 'holder',
    file: 'src/outbox/merge.ts',
    writes: 'waiting',
  },
  {
    name: 'release',
    moves: [['held', 'free']],
    by: 'holder',
    file: 'src/outbox/release.ts',
    writes: 'due_at, failures, error; a job',
  },
  {
    name: 'leave',
    moves: [['held', 'free']],
    by: 'holder',
    file: 'src/outbox/leave.ts',
    writes: 'a job; the end of the worker',
  },
  {
    name: 'rescue',
    moves: [['held', 'free']],
    by: 'maintenance',
    file: 'src/outbox/rescue.ts',
    writes: 'crashes; a job',
  },
  {
    name: 'reconcile',
    moves: [['free', 'free']],
    by: 'maintenance',
    file: 'src/outbox/reconcile.ts',
    writes: 'due_at; a job',
  },
  {
    name: 'wake',
    moves: [['free', 'free']],
    by: 'maintenance',
    file: sharedState,
    writes: 'a job, when its account no longer rests',
  },
  {
    name: 'requeue',
    moves: [['none', 'free'], ...staying<LaneState>(['free', 'held'])],
    by: 'operator',
    file: operators,
    writes: 'arrivals, waiting; done_id falls, always; due_at; a job, where it is free',
  },
  {
    name: 'cancel',
    moves: every<LaneState>(['free'], ['free', 'none']),
    by: 'operator',
    file: operators,
    writes: 'it goes where nothing is open any more; else a job',
  },
  {
    name: 'hold',
    moves: every<LaneState>(['free', 'held'], ['free', 'none']),
    by: 'operator',
    file: restore,
    writes: 'as cancel; what a dead worker holds is freed first, with a job',
  },
  {
    name: 'takeover',
    moves: [...staying<LaneState>(['free', 'held']), ['free', 'none']],
    by: 'operator',
    file: handover,
    writes: 'hushed; it goes where nothing is open any more; else a job',
  },
  {
    name: 'hand back',
    moves: staying<LaneState>(['free', 'held']),
    by: 'operator',
    file: handover,
    writes: 'hushed',
  },
  {
    name: 'agent send',
    moves: every<LaneState>(['none', 'free'], ['free']),
    by: 'operator',
    file: handover,
    writes: 'as requeue, where nobody holds it',
  },
  {
    name: 'answer later',
    moves: staying<LaneState>(['free', 'held']),
    by: 'ingress',
    file: 'migrations/0011_http_replies.sql',
    writes: 'due_at; a job, where it is free',
  },
];
