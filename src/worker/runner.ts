import { once, setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from 'graphile-worker';
import type { AccessTokens } from '../accounts/access-token.js';
import { createInboundMedia } from '../accounts/inbound-media.js';
import type { MediaUploads } from '../accounts/media-uploads.js';
import { createPauses, type PauseCause, type Pauses } from '../accounts/pauses.js';
import { createSendRate } from '../accounts/send-rate.js';
import type { Pool } from '../db/pool.js';
import { createSlots } from '../lib/slots.js';
import type { Web } from '../lib/web.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { HeldLane, Hold } from '../outbox/lane.js';
import { leave } from '../outbox/leave.js';
import { heldBy } from '../outbox/reconcile.js';
import { createRunReplies, type ServedAccount } from '../replies/run.js';
import type { SendClients } from '../sending/clients.js';
import { createMedia } from '../sending/media.js';
import { createSendReply } from '../sending/reply.js';
import type { RetryPolicy } from '../sending/retry-policy.js';
import { createTyping } from '../sending/typing.js';
import { createForgetting, type Forgetting } from './forget-unsubscribed.js';
import { runJobs, superviseJobs } from './jobs.js';
import { createLaneWork, type LaneWorkDependencies } from './lane.js';
import { createLanesTask } from './lanes-task.js';
import { startMaintenance } from './maintenance.js';
import { createRetention, type Retention } from './retention.js';
import { openSession } from './session.js';
import { createStatements, type Statements } from './statements.js';
import { returnStrays } from './strays.js';

export interface WorkerDependencies {
  pool: Pool;
  /** For jobs, claims and looks (see statements.ts). */
  claimPool: Pool;
  connectionString: string;
  accounts: readonly ServedAccount[];
  clients: SendClients;
  tokens: AccessTokens;
  web: Web;
  uploads: MediaUploads;
  log: Logger;
  metrics: Metrics;
  clock: () => Date;
  random: () => number;
}

export interface WorkerOptions {
  replyTimeoutMs: number;
  overflowNotice: string;
  policy: RetryPolicy;
  /** How long `stop` waits for what is under way. */
  shutdownGraceMs: number;
  /** How long a worker must be missing before its work is given away. */
  rescueAfterMs: number;
  /** Lanes being worked on at once, those that wait for a slot included. */
  maxInFlight: number;
  replyConcurrency: number;
  /** For each account. */
  sendConcurrency: number;
  /** Settled messages older than so many days are deleted; 0: none ever. */
  retentionDays: number;
  /** Users who unsubscribed so many days ago are forgotten; undefined: nobody is. */
  forgetAfterUnsubscribeDays: number | undefined;
  /** How often graphile-worker looks for jobs whose time has come (retries); new ones are notified. */
  pollIntervalMs: number;
}

export const defaultWorkerOptions = {
  maxInFlight: 1_000,
  pollIntervalMs: 2_000,
} as const;

export interface Worker {
  readonly workerId: number;
  /** Whether it has looked at the queue since it started. */
  readonly hasLooked: boolean;
  /** Resolves when it has. */
  readonly looked: Promise<void>;
  /** Takes no more work, finishes what is under way within the grace period, gives the rest back. */
  stop(): Promise<void>;
}

/** After the grace period: for giving back what heeds the abort. */
const lastWordsMs = 1_000;

const now = () => performance.now();

/** Starts one worker process's part: from jobs to settled messages. */
export async function startWorker(dependencies: WorkerDependencies, options: WorkerOptions): Promise<Worker> {
  const { pool, claimPool, connectionString, random } = dependencies;
  const { rescueAfterMs } = options;
  const session = await openSession({ connectionString, rescueAfterMs, leave, log: dependencies.log });
  const log = dependencies.log.child({ worker_id: session.workerId });
  const signals = createSignals();
  const onOutage = (error: unknown) => log.warn({ event: 'database_away', err: error }, 'database away');
  const statements = createStatements({ pool, claimPool, stop: signals.stop.signal, onOutage });
  const pauses = createPauses(pool);
  const alive = { workers: 1 };
  const hands = createHands(dependencies, options, { statements, pauses, signals, alive, log });

  let hasLooked = false;
  let onLook = () => {};
  const looked = new Promise<void>((resolve) => {
    onLook = () => {
      hasLooked = true;
      resolve();
    };
  });
  const jobs = await superviseJobs({
    onLook,
    start: (events) =>
      runJobs({
        pool: claimPool,
        pollIntervalMs: options.pollIntervalMs,
        task: hands.task(session),
        events,
        log,
      }),
    onPool: (poolId) => void session.setPoolId(poolId).catch(onOutage),
    drain: signals.drain.signal,
    log,
  });
  const maintenance = startMaintenance({
    pool,
    retention: retentionOf(dependencies, options, { hands, alive, log }),
    forgetting: forgettingOf(dependencies, options, { hands, log }),
    log,
    pauses,
    metrics: dependencies.metrics,
    rescueAfterMs,
    onWorkers(workers) {
      alive.workers = workers;
    },
    returnStrays: () =>
      returnStrays({
        heldBy: (workerId, seconds) => heldBy(pool, workerId, seconds),
        workerId: () => session.workerId,
        isInHand: hands.has,
        release: (hold) => statements.release({ ...hold, delayMs: 0 }),
      }),
    random,
  });

  return {
    get workerId() {
      return session.workerId;
    },
    get hasLooked() {
      return hasLooked;
    },
    looked,
    async stop() {
      signals.drain.abort();
      const grace = setTimeout(() => signals.stop.abort(), options.shutdownGraceMs);
      const finished = (async () => {
        await jobs.stop();
        await maintenance.stop();
        await hands.idle();
      })();
      // What is still on the wire when the grace is over is left to others, who will find it begun and not ended.
      await Promise.race([
        finished,
        once(signals.stop.signal, 'abort').then(() => sleep(lastWordsMs, undefined, { ref: false })),
      ]);
      clearTimeout(grace);
      signals.stop.abort();
      await session.end();
    },
  };
}

interface Signals {
  /** Begin nothing new. */
  drain: AbortController;
  /** Give up what is still running. */
  stop: AbortController;
}

function createSignals(): Signals {
  const drain = new AbortController();
  const stop = new AbortController();
  // One listener for each run of the reply logic.
  setMaxListeners(0, stop.signal, drain.signal);
  return { drain, stop };
}

interface Parts {
  statements: Statements;
  pauses: Pauses;
  signals: Signals;
  alive: { workers: number };
  log: Logger;
}

/** The lanes that this process works on now. */
interface Hands {
  /** The job `lanes`, which takes lanes in hand. */
  task(session: { readonly workerId: number }): Task;
  has(hold: Hold): boolean;
  readonly size: number;
  /** Resolves when none is in hand. */
  idle(): Promise<void>;
}

function createHands(dependencies: WorkerDependencies, options: WorkerOptions, parts: Parts): Hands {
  const { metrics } = dependencies;
  const { statements, signals, log } = parts;
  const slots = createSlots(options.maxInFlight);
  const workOn = createLaneWork(laneWorkDependencies(dependencies, options, parts));
  /** By claim and lane. */
  const inHand = new Map<string, Promise<void>>();
  const key = ({ laneId, claim }: Hold) => `${claim} ${laneId}`;

  function take(lane: HeldLane): void {
    metrics.inFlight.inc();
    const done = workOn(lane)
      .catch((error) =>
        log.error({ event: 'lane_broken_off', lane_id: lane.laneId, err: error }, 'lane broken off'),
      )
      .finally(() => {
        inHand.delete(key(lane));
        slots.release();
        metrics.inFlight.dec();
      });
    inHand.set(key(lane), done);
  }

  return {
    task: (session) =>
      createLanesTask({
        claim: (laneIds) => statements.claim(laneIds, session.workerId),
        slots,
        maxClaim: Math.min(50, options.maxInFlight),
        take,
        drain: signals.drain.signal,
      }),
    has: (hold) => inHand.has(key(hold)),
    get size() {
      return inHand.size;
    },
    async idle() {
      await Promise.all(inHand.values());
    },
  };
}

function laneWorkDependencies(
  dependencies: WorkerDependencies,
  options: WorkerOptions,
  { statements, pauses, signals, alive, log }: Parts,
): LaneWorkDependencies {
  const { accounts, clients, tokens, web, uploads, metrics, clock, random } = dependencies;
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
    drain,
  });
  const runReplies = createRunReplies({
    openMedia: createInboundMedia({ clientOf: clients.others, tokens, web }),
    showTyping: createTyping({ clients, tokens }),
    suspect: statements.suspect,
    overflowNotice: options.overflowNotice,
    timeoutMs: options.replyTimeoutMs,
    slots: createSlots(options.replyConcurrency),
    signals: { drain, stop: signals.stop.signal },
  });
  const served = new Map(accounts.map((account) => [account.appId, account]));
  return {
    ...statements,
    accounts: served,
    isPaused: pauses.isPaused,
    runReplies,
    sendReply,
    policy,
    random,
    clock,
    log,
    metrics,
    drain,
  };
}

function retentionOf(
  { claimPool, metrics }: WorkerDependencies,
  { retentionDays, maxInFlight }: WorkerOptions,
  { hands, alive, log }: { hands: Hands; alive: { workers: number }; log: Logger },
): Retention | undefined {
  if (retentionDays === 0) return undefined;
  return createRetention({
    pool: claimPool,
    days: retentionDays,
    isBusy: () => hands.size > maxInFlight / 4,
    workers: () => alive.workers,
    now,
    log,
    metrics,
  });
}

function forgettingOf(
  { pool }: WorkerDependencies,
  { forgetAfterUnsubscribeDays: days, maxInFlight }: WorkerOptions,
  { hands, log }: { hands: Hands; log: Logger },
): Forgetting | undefined {
  if (days === undefined) return undefined;
  return createForgetting({ pool, days, isBusy: () => hands.size > maxInFlight / 4, log });
}
