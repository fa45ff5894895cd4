import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountConfig } from '../config/settings.js';
import { createSlots, type Slots } from '../lib/slots.js';
import type { Logger } from '../observe/log.js';
import type { HeldLane, Hold, OpenMessage } from '../outbox/lane.js';
import { suspectAfter } from '../outbox/rescue.js';
import { type InboundMessage, toMessage } from '../wechat/in/message.js';
import type { Check } from './checks/check.js';
import { checked } from './checks/checked.js';
import { buildContext, type ContextDependencies } from './context/build.js';
import type { Answer } from './source.js';
import { type Thought, think } from './think.js';

/** An account, and what answers its users. */
export interface ServedAccount extends AccountConfig {
  answer: Answer;
  /** What its replies are looked through by before they are stored, in this order. */
  checks: readonly Check[];
}

export interface RunRepliesDependencies extends ContextDependencies {
  /** Shows the user that an answer is on its way, until stopped. */
  showTyping(account: AccountConfig, openid: string): { stop(): void };
  /** Notes that the reply logic of a lane under suspicion starts; false where the lane is another worker's by now. */
  suspect(hold: Hold): Promise<boolean>;
  /** Ends a reply that had to be cut. */
  overflowNotice: string;
  timeoutMs: number;
  /** Runs of the reply logic at once, of each account. */
  slotsOf(appId: string): Slots;
  /** `drain`: begin nothing new; `stop`: the process will wait no longer. */
  signals: { drain: AbortSignal; stop: AbortSignal };
}

/** Runs the reply logic of the account for one message; `lost`: its lane is another worker's by now. */
export type RunReplies = (
  lane: HeldLane,
  message: OpenMessage,
  account: ServedAccount,
  log: () => Logger,
) => Promise<Thought | { kind: 'lost' }>;

/** Workers that may die while it runs. The first two deaths are shared with all that was claimed beside it. */
const maxCrashes = 4;

export function createRunReplies(dependencies: RunRepliesDependencies): RunReplies {
  const { showTyping, suspect, overflowNotice, timeoutMs, slotsOf, signals } = dependencies;
  /** One at a time: when the process dies, it is known which one ran. */
  const suspects = createSlots(1);

  async function run(
    { openid }: HeldLane,
    message: OpenMessage,
    account: ServedAccount,
    log: () => Logger,
  ): Promise<Thought> {
    const { answer, checks, onOverflow } = account;
    const parsed = toMessage(message.fields);
    if (!parsed.ok)
      return { kind: 'refused', problem: `the stored message cannot be read: ${parsed.reason}` };
    const slots = slotsOf(account.appId);
    await slots.acquire(message.isUrgent);
    if (signals.drain.aborted) {
      slots.release();
      return { kind: 'stopped' };
    }
    const typing = showTyping(account, openid);
    let handOver: string | undefined;
    const fit = { quota: message.windowQuota, onOverflow, notice: overflowNotice };
    const thought = await think({
      replies: checked(answer, checks, fit),
      createContext: (signal) =>
        buildContext(dependencies, {
          subject: { account, openid, messageId: message.id },
          ...{ message: parsed.message, requestId: message.requestId },
          messages: [...readable(message.merged), parsed.message],
          window: message.windowEndsAt && { endsAt: message.windowEndsAt, quota: message.windowQuota },
          ...{ log, signal },
          onHandOver: (reason) => {
            handOver = reason;
          },
        }),
      fit,
      timeoutMs,
      stop: signals.stop,
    });
    typing.stop();
    releaseWhenEnded(thought, { slots, timeoutMs });
    return thought.kind === 'replies' && handOver !== undefined
      ? { ...thought, handOver: thought.handOver ?? handOver }
      : thought;
  }

  return async (lane, message, account, log) => {
    const { crashes } = lane;
    if (crashes >= maxCrashes) {
      return {
        kind: 'refused',
        problem: `the worker process died ${crashes} times while the reply logic ran`,
      };
    }
    if (crashes < suspectAfter) return run(lane, message, account, log);
    await suspects.acquire();
    try {
      return (await suspect(lane)) ? await run(lane, message, account, log) : { kind: 'lost' };
    } finally {
      suspects.release();
    }
  };
}

/** Those that cannot be read are left out: the one that is answered can. */
function readable(merged: OpenMessage['merged']): InboundMessage[] {
  return merged.flatMap((fields) => {
    const parsed = toMessage(fields);
    return parsed.ok ? [parsed.message] : [];
  });
}

/** What is left behind at its time limit still uses what it uses: it keeps its slot until it ends, for as long again at most. */
function releaseWhenEnded(thought: Thought, { slots, timeoutMs }: { slots: Slots; timeoutMs: number }): void {
  if (thought.kind !== 'error' || !thought.running) {
    slots.release();
    return;
  }
  const ended = thought.running.then(
    () => undefined,
    () => undefined,
  );
  const patience = sleep(timeoutMs, undefined, { ref: false });
  void Promise.race([ended, patience]).then(() => slots.release());
}
