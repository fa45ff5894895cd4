import type { AccessTokens } from '../accounts/access-token.js';
import type { Pauses } from '../accounts/pauses.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Tracing } from '../observe/tracing.js';
import type { WideLines } from '../observe/wide-lines.js';
import type { Begin } from '../outbox/begin.js';
import type { End } from '../outbox/end.js';
import type { HeldLane, OpenDelivery, OpenMessage } from '../outbox/lane.js';
import type { Settlement, SettleResult } from '../outbox/settle.js';
import type { AppCredentials } from '../wechat/out/client.js';
import type { WirePayload } from '../wechat/out/reply.js';
import type { AttemptRules, Moment } from './attempt-state.js';
import type { SendClients } from './clients.js';
import type { Evidence } from './evidence.js';
import type { Gate } from './gate.js';
import type { Leave, Leaves } from './leave.js';
import type { Media, UsedUpload } from './media.js';

export interface DeliverDependencies {
  clients: Pick<SendClients, 'sends'>;
  tokens: AccessTokens;
  media: Media;
  pauses: Pick<Pauses, 'isPaused' | 'causeOf' | 'pause' | 'resume'>;
  gate: Gate;
  leaves: Leaves;
  evidence: Evidence;
  begin(begin: Begin): Promise<boolean>;
  end(end: End): Promise<boolean>;
  settle(settlement: Settlement): Promise<SettleResult>;
  clock: () => Date;
  random: () => number;
  log: Logger;
  metrics: Metrics;
  tracing: Pick<Tracing, 'within'>;
  /** Aborted when nothing new shall begin. */
  drain: AbortSignal;
}

/** What the effects of an attempt are carried out with. */
export type Tools = DeliverDependencies & { lines: Pick<WideLines, 'attempt'> };

/** An account, as far as sending goes. */
export interface SendingAccount extends AppCredentials {
  onUnknown: 'resend' | 'hold';
  /** Sends a second, over all processes; 0 is no limit. */
  sendRate: number;
}

/** One delivery to be sent, of a lane that is held. */
export interface DeliverTask {
  lane: HeldLane;
  message: OpenMessage;
  account: SendingAccount;
  delivery: OpenDelivery;
  rules: AttemptRules;
  /** Set where the attempt was stored as begun along with the plan: it has passed the gate, and this is what it is made with. */
  begun: { leave: Leave; token: string } | undefined;
  /** What had to be cut from the reply, for the message's row. */
  note: string | undefined;
}

/** What the effects of one delivery leave to one another. */
export interface Run {
  readonly task: DeliverTask;
  token: string | undefined;
  ready: { payload: WirePayload; used: readonly UsedUpload[] } | undefined;
  leave: Leave | undefined;
  /** It holds one of its account's slots. */
  isInside: boolean;
  /** What became of its message. */
  result: SettleResult | undefined;
}

export function moment({ clock, random }: Tools): Moment {
  return { now: clock(), random: random() };
}

/** Gives the slot back, if it has one. */
export function leaveGate({ gate }: Tools, run: Run): void {
  if (run.isInside) gate.leave(run.task.account.appId);
  run.isInside = false;
}
