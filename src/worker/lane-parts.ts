import { setMaxListeners } from 'node:events';
import { createInboundMedia } from '../accounts/inbound-media.js';
import type { PauseCause, Pauses } from '../accounts/pauses.js';
import { createSendRate } from '../accounts/send-rate.js';
import { createSlotsByKey } from '../lib/slots.js';
import type { Logger } from '../observe/log.js';
import { createGuard } from '../replies/checks/guard.js';
import { createRunReplies } from '../replies/run.js';
import { createMedia } from '../sending/media.js';
import { createSendReply } from '../sending/reply.js';
import { createTyping } from '../sending/typing.js';
import type { LaneWorkDependencies } from './lane.js';
import type { WorkerDependencies, WorkerOptions } from './options.js';
import type { Statements } from './statements.js';

export interface Signals {
  /** Begin nothing new. */
  drain: AbortController;
  /** Give up what is still running. */
  stop: AbortController;
}

export function createSignals(): Signals {
  const drain = new AbortController();
  const stop = new AbortController();
  // One listener for each run of the reply logic.
  setMaxListeners(0, stop.signal, drain.signal);
  return { drain, stop };
}

/** What one worker process has of its own, and its lanes share. */
export interface Parts {
  statements: Statements;
  pauses: Pauses;
  signals: Signals;
  alive: { workers: number };
  log: Logger;
}

const now = () => performance.now();

/** What it takes to work on a lane: the parts that run replies and send them, for all accounts of this process. */
export function laneWorkDependencies(
  dependencies: WorkerDependencies,
  options: WorkerOptions,
  { statements, pauses, signals, alive, log }: Parts,
): LaneWorkDependencies {
  const { accounts, clients, tokens, web, uploads, metrics, tracing, clock, random } = dependencies;
  const { policy, rescueAfterMs, sendConcurrency } = options;
  const drain = signals.drain.signal;
  const { durably } = statements;
  const sendReply = createSendReply({
    ...statements,
    clients,
    tokens,
    media: createMedia({ clients, uploads, web, clock, now }),
    pauses: {
      ...pauses,
      pause: (cause: PauseCause) => durably(() => pauses.pause(cause)),
      resume: (appId: string) => durably(() => pauses.resume(appId)),
    },
    sendRate: createSendRate({ workers: () => alive.workers, now, stop: drain }),
    sendConcurrency,
    policy,
    rescueAfterMs,
    clock,
    now,
    random,
    log,
    metrics,
    tracing,
    drain,
  });
  const runReplies = createRunReplies({
    services: dependencies.services,
    openMedia: createInboundMedia({ clientOf: clients.others, tokens, web }),
    showTyping: createTyping({ clients, tokens }),
    suspect: statements.suspect,
    overflowNotice: options.overflowNotice,
    timeoutMs: options.replyTimeoutMs,
    slotsOf: createSlotsByKey(options.replyConcurrency),
    signals: { drain, stop: signals.stop.signal },
  });
  const served = new Map(accounts.map((account) => [account.appId, account]));
  return {
    ...statements,
    accounts: served,
    isPaused: pauses.isPaused,
    handBackWords: options.handBackWords,
    runReplies: createGuard({ ...statements, words: dependencies.words }, runReplies),
    sendReply,
    policy,
    random,
    clock,
    log,
    metrics,
    tracing,
    drain,
  };
}
