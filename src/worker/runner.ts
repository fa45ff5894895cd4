import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPauses } from '../accounts/pauses.js';
import type { Logger } from '../observe/log.js';
import { leave } from '../outbox/leave.js';
import { heldBy } from '../outbox/reconcile.js';
import { createForgetting, type Forgetting } from './forget-unsubscribed.js';
import { createHands, type Hands } from './hands.js';
import { runJobs, superviseJobs } from './jobs.js';
import { createLaneWork } from './lane.js';
import { createSignals, laneWorkDependencies, type Signals } from './lane-parts.js';
import { startMaintenance } from './maintenance.js';
import { lanesInHand, type WorkerDependencies, type WorkerOptions } from './options.js';
import { createRetention, type Retention } from './retention.js';
import { openSession } from './session.js';
import { createStatements } from './statements.js';
import { returnStrays } from './strays.js';

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
  const { pool, claimPool, random } = dependencies;
  const { rescueAfterMs } = options;
  const session = await openSession({ ...dependencies, rescueAfterMs, leave });
  const log = dependencies.log.child({ worker_id: session.workerId });
  const signals = createSignals();
  const onOutage = (error: unknown) => log.warn({ event: 'database_away', err: error }, 'database away');
  const statements = createStatements({ pool, claimPool, stop: signals.stop.signal, onOutage });
  const pauses = createPauses(pool);
  const alive = { workers: 1 };
  const hands = createHands({
    workOn: createLaneWork(
      laneWorkDependencies(dependencies, options, { statements, pauses, signals, alive, log }),
    ),
    claim: statements.claim,
    release: statements.release,
    ...lanesInHand(options, dependencies.accounts.length),
    now,
    log,
    metrics: dependencies.metrics,
    tracing: dependencies.tracing,
    drain: signals.drain.signal,
  });
  const first = createFirstLook();
  const { pollIntervalMs } = options;
  const jobs = await superviseJobs({
    onLook: first.note,
    start: (events) => runJobs({ pool: claimPool, pollIntervalMs, task: hands.task(session), events, log }),
    onPool: (poolId) => void session.setPoolId(poolId).catch(onOutage),
    drain: signals.drain.signal,
    starting: dependencies.starting,
    log,
  }).catch((error) => session.end().then(() => Promise.reject(error)));
  const maintenance = startMaintenance({
    pool,
    retention: retentionOf(dependencies, options, { hands, alive, log }),
    forgetting: forgettingOf(dependencies, options, { hands, log }),
    log,
    pauses,
    metrics: dependencies.metrics,
    rescueAfterMs,
    handoverIdleMinutes: options.handoverIdleMinutes,
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
      return first.hasHappened;
    },
    looked: first.happened,
    async stop() {
      await finish(signals, options.shutdownGraceMs, async () => {
        await jobs.stop();
        await maintenance.stop();
        await hands.idle();
      });
      await session.end();
    },
  };
}

interface FirstLook {
  readonly hasHappened: boolean;
  readonly happened: Promise<void>;
  note(): void;
}

function createFirstLook(): FirstLook {
  const { promise, resolve } = Promise.withResolvers<void>();
  let hasHappened = false;
  return {
    get hasHappened() {
      return hasHappened;
    },
    happened: promise,
    note() {
      hasHappened = true;
      resolve();
    },
  };
}

/**
 * Begins nothing new, and ends what is under way within the grace period. What is still on the wire when that is over is left to
 * others, who will find it begun and not ended.
 */
async function finish({ drain, stop }: Signals, graceMs: number, ending: () => Promise<void>): Promise<void> {
  drain.abort();
  const grace = setTimeout(() => stop.abort(), graceMs);
  await Promise.race([
    ending(),
    once(stop.signal, 'abort').then(() => sleep(lastWordsMs, undefined, { ref: false })),
  ]);
  clearTimeout(grace);
  stop.abort();
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
