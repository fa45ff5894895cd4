import { EventEmitter } from 'node:events';
import { Logger as GraphileLogger, type Runner, run, type Task, type WorkerEvents } from 'graphile-worker';
import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';

/** Jobs being claimed at once. A job ends when its messages are claimed, so few are enough. */
const jobConcurrency = 4;

export interface RunJobsDependencies {
  pool: Pool;
  pollIntervalMs: number;
  task: Task;
  events: WorkerEvents;
  log: Logger;
}

/** Starts graphile-worker on the jobs `answer`, set so that the loss of a connection ends neither it nor the process. */
export function runJobs({ pool, pollIntervalMs, task, events, log }: RunJobsDependencies): Promise<Runner> {
  return run({
    pgPool: pool,
    concurrency: jobConcurrency,
    pollInterval: pollIntervalMs,
    noHandleSignals: true,
    preset: {
      plugins: [replaceWorkers],
      // Ended jobs are removed in batches. Besides being quicker, this way reports a lost connection, where removing
      // one by one leaves a rejected promise behind that ends the process.
      worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 },
    },
    taskList: { answer: task },
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
  /** Repeats while the database is away. */
  durably<T>(run: () => Promise<T>): Promise<T>;
  /** Aborted when no new runner may be started. */
  drain: AbortSignal;
  log: Logger;
}

/**
 * Keeps a runner running: one that shuts down by itself, as it does when a job could not be removed, is replaced at
 * once. What it had locked is not lost: its messages are claimed, or the reconciler finds them.
 */
export async function superviseJobs(dependencies: SuperviseDependencies): Promise<{ stop(): Promise<void> }> {
  const { start, onPool, durably, drain, log } = dependencies;
  let current = await startOne();

  async function startOne(): Promise<Runner> {
    const events: WorkerEvents = new EventEmitter();
    let ended = false;
    const end = (reason: unknown) => {
      if (ended || drain.aborted) return;
      ended = true;
      log.error({ event: 'runner_ended', reason: String(reason) }, 'job runner ended, starting another');
      replace().catch((error) =>
        log.fatal({ event: 'runner_lost', err: error }, 'no job runner could be started'),
      );
    };
    events.on('pool:create', ({ workerPool }) => onPool(workerPool.id));
    events.on('pool:gracefulShutdown', ({ message }) => end(message));
    const runner = await start(events);
    runner.promise.then(() => end('it stopped'), end);
    return runner;
  }

  async function replace(): Promise<void> {
    await durably(async () => {
      if (!drain.aborted) current = await startOne();
    });
  }

  return {
    async stop() {
      await current
        .stop()
        .catch((error) => log.warn({ event: 'runner_stop', err: error }, 'job runner did not stop cleanly'));
    },
  };
}
