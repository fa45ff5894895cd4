import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger as GraphileLogger, type Runner, run, type Task, type WorkerEvents } from 'graphile-worker';
import { persist } from '../db/persist.js';
import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';
import { steadyPool } from './steady-pool.js';

/** Before a runner is replaced: what ended it may last, and must not make us run in circles. */
const replaceAfterMs = 300;

/**
 * Jobs being claimed at once. A job ends when its messages are claimed, so few are enough; fewer where there are not
 * connections for more, one of which listens.
 */
const jobConcurrency = ({ options }: Pool) => Math.max(1, Math.min(4, options.max - 1));

export interface RunJobsDependencies {
  pool: Pool;
  pollIntervalMs: number;
  task: Task;
  events: WorkerEvents;
  log: Logger;
}

/** Starts graphile-worker on the jobs `lanes`, set so that the loss of a connection ends neither it nor the process. */
export function runJobs({ pool, pollIntervalMs, task, events, log }: RunJobsDependencies): Promise<Runner> {
  return run({
    pgPool: steadyPool(pool),
    concurrency: jobConcurrency(pool),
    pollInterval: pollIntervalMs,
    noHandleSignals: true,
    preset: {
      plugins: [replaceWorkers],
      // Ended jobs are removed in batches. Besides being quicker, this way reports a lost connection, where removing
      // one by one leaves a rejected promise behind that ends the process.
      worker: { completeJobBatchDelay: 10, failJobBatchDelay: 0 },
    },
    taskList: { lanes: task },
    events,
    logger: new GraphileLogger(() => (level, message, meta) => {
      // It tells of every job at `info`; ours are the wide lines.
      if (level === 'error' || level === 'warning') log.warn({ event: 'graphile_worker', meta }, message);
      else log.trace({ event: 'graphile_worker' }, message);
    }),
  });
}

declare global {
  namespace GraphileConfig {
    interface Plugins {
      ReplaceWorkersPlugin: true;
    }
  }
}

/** A loop that broke off (its query for a job met a closed connection) is replaced; by default all would shut down. */
const replaceWorkers: GraphileConfig.Plugin = {
  name: 'ReplaceWorkersPlugin',
  version: '1.0.0',
  worker: {
    middleware: {
      poolWorkerPrematureExit(_next, { replaceWithNewWorker }) {
        replaceWithNewWorker();
      },
    },
  },
};

export interface SuperviseDependencies {
  start(events: WorkerEvents): Promise<Runner>;
  /** Told under which name the jobs are locked from now on. */
  onPool(poolId: string): void;
  /** Told of the first look at the queue. */
  onLook(): void;
  /** Aborted when no new runner may be started. */
  drain: AbortSignal;
  /** Ends the wait of the first for a database that is away. */
  starting: AbortSignal;
  log: Logger;
}

/**
 * Keeps a runner running: one that shuts down by itself, as it does when a job could not be removed, is replaced
 * soon. What it had locked is not lost: its messages are claimed, or the reconciler finds them.
 */
export async function superviseJobs(dependencies: SuperviseDependencies): Promise<{ stop(): Promise<void> }> {
  const { start, onPool, onLook, drain, starting, log } = dependencies;
  const noteFailure = (error: unknown) =>
    log.warn({ event: 'runner_not_started', err: error }, 'job runner not started, trying again');
  // The pool keeps the codes of errors from graphile-worker, not from us.
  const startFirst = () => startOne().catch((error) => Promise.reject(error.cause ?? error));
  let current = await persist(startFirst, { signal: starting, onOutage: noteFailure });

  async function startOne(): Promise<Runner> {
    const events: WorkerEvents = new EventEmitter();
    let ended = false;
    const end = (reason: unknown) => {
      if (ended || drain.aborted) return;
      ended = true;
      log.error({ event: 'runner_ended', reason: String(reason) }, 'job runner ended, starting another');
      void replace();
    };
    events.on('pool:create', ({ workerPool }) => {
      onPool(workerPool.id);
      let hasLooked = false;
      for (const event of ['worker:getJob:empty', 'job:start'] as const) {
        events.once(event, () => {
          hasLooked = true;
          onLook();
        });
      }
      // It keeps the first answer about its tasks for ever, and when that is a failure, fails for ever.
      events.on('worker:getJob:error', ({ error }) => {
        if (!hasLooked) workerPool.gracefulShutdown(`its first look for jobs failed: ${error}`);
      });
    });
    events.on('pool:gracefulShutdown', ({ message }) => end(message));
    const runner = await start(events);
    runner.promise.then(() => end('it stopped'), end);
    return runner;
  }

  /** Tries until it is done: a worker without a runner would look alive and do nothing. */
  async function replace(): Promise<void> {
    for (;;) {
      await sleep(replaceAfterMs, undefined, { signal: drain }).catch(() => undefined);
      if (drain.aborted) return;
      try {
        current = await startOne();
        return;
      } catch (error) {
        noteFailure(error);
      }
    }
  }

  return {
    async stop() {
      await current
        .stop()
        .catch((error) => log.warn({ event: 'runner_stop', err: error }, 'job runner did not stop cleanly'));
    },
  };
}
