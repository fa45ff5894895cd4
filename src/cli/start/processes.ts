import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../observe/log.js';
import type { HostProcess, ParentProcess } from '../terminal/context.js';

export interface ProcessesOptions {
  count: number;
  /** Settings of the nth process, from 0, beside those of this one. */
  settingsOf(index: number): Record<string, string>;
  host: HostProcess;
  log: Logger;
}

/**
 * What a process and its parent tell each other; `hears`: what is said to it from now on is heard. The others are PM2's
 * words, so that it may be the parent (`wait_ready`, `shutdown_with_message`).
 */
const words = { hears: 'hears', started: 'ready', stop: 'shutdown' } as const;

/** Before a process that ended is replaced: what ended it may last. */
const replaceAfterMs = 1_000;

/**
 * Runs this command as several processes that share the webhook's port, replaces those that end, and stops all of them
 * when told to. They share nothing else but Postgres, so each is one as if started alone. When this parent dies, Node ends
 * them at once.
 *
 * The first starts before the others do: it migrates, and what is wrong with the settings is told once.
 *
 * @returns the exit code: 0, or that of a process that never came up
 */
export async function runProcesses({ count, settingsOf, host, log }: ProcessesOptions): Promise<number> {
  const processes = createProcesses({ settingsOf, log });
  const signal = host.untilSignal(() => {
    log.warn({ event: 'quit' }, 'second signal: quitting at once');
    processes.kill();
    host.exit(1);
  });
  void signal.then((name) => {
    log.info({ event: 'stopping', signal: name }, 'stopping all processes');
    processes.stop();
  });

  const ends: Promise<number>[] = [];
  await new Promise<void>((resolve) => {
    const first = processes.keepRunning(0, resolve);
    ends.push(first);
    void first.then(() => resolve());
  });
  for (let index = 1; index < count && !processes.isStopping(); index += 1)
    ends.push(processes.keepRunning(index));
  return Math.max(...(await Promise.all(ends)));
}

function createProcesses({ settingsOf, log }: Pick<ProcessesOptions, 'settingsOf' | 'log'>) {
  const stopping = new AbortController();
  const isStopping = () => stopping.signal.aborted;
  const running = new Set<Worker>();
  const tellToStop = (one: Worker) => {
    if (one.isConnected()) one.send(words.stop);
  };

  function stop(): void {
    stopping.abort();
    for (const one of running) tellToStop(one);
  }

  function kill(): void {
    for (const one of running) one.process.kill('SIGKILL');
  }

  /** Resolves with its exit code, or the signal that killed it. */
  async function run(index: number, onStarted: () => void): Promise<number | string> {
    const one = fork(settingsOf(index), index, log);
    if (!one) return 1;
    running.add(one);
    one.on('message', (word) => {
      if (word === words.started) onStarted();
      // It was told too early, if at all.
      if (isStopping()) tellToStop(one);
    });
    const end = await endOf(one, index, log);
    running.delete(one);
    return end;
  }

  /** Resolves with an exit code other than 0 if it ends before it has ever started. */
  async function keepRunning(index: number, onFirstStart?: () => void): Promise<number> {
    let hasStarted = false;
    const onStarted = () => {
      hasStarted = true;
      onFirstStart?.();
    };
    while (!isStopping()) {
      const end = await run(index, onStarted);
      if (isStopping()) break;
      if (!hasStarted) {
        stop();
        return typeof end === 'number' && end > 0 ? end : 1;
      }
      log.error({ event: 'process_ended', process: index, end }, 'a process ended, starting another');
      await sleep(replaceAfterMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    return 0;
  }

  return { keepRunning, isStopping, stop, kill };
}

function fork(settings: Record<string, string>, index: number, log: Logger): Worker | undefined {
  try {
    return cluster.fork(settings);
  } catch (error) {
    log.error({ event: 'process_error', process: index, err: error }, 'a process could not be started');
    return undefined;
  }
}

function endOf(one: Worker, index: number, log: Logger): Promise<number | string> {
  return new Promise((resolve) => {
    one.once('exit', (code, killedBy) => resolve(code ?? killedBy));
    one.on('error', (error) => {
      log.warn({ event: 'process_error', process: index, err: error }, 'process error');
      // There is no process, and so no end of it.
      if (one.process.pid === undefined) resolve(1);
    });
  });
}

/** The real one, if there is any. */
export const parentProcess: ParentProcess = {
  isOurs: cluster.isWorker,
  tellStarted() {
    process.send?.(words.started);
  },
  untilToldToStop() {
    return new Promise((resolve) => {
      process.on('message', (word) => {
        if (word === words.stop) resolve('parent');
      });
      process.send?.(words.hears);
      // Else a process that could not start would stay, to listen.
      process.channel?.unref();
    });
  },
};
