import type { Reply } from '../wechat/out/reply.js';
import { type FitOptions, fitReplies } from './fit.js';
import type { ReplyContext } from './router.js';
import { type Answer, Deferred, SourceError } from './source.js';

/** What came of running the reply logic once. */
export type Thought =
  | { kind: 'replies'; replies: Reply[]; cut: string | undefined; handOver?: string | undefined }
  /** Such as more than may be sent, where the account wants that refused. Starting the logic again would not help. */
  | { kind: 'refused'; problem: string }
  /**
   * It threw, took too long, or returned something that is no reply. `running`: it was left behind and goes on. `outage`: what it
   * asks is away or busy.
   */
  | { kind: 'error'; error: string; running?: Promise<unknown>; outage?: { retryAfterMs: number } }
  /** The answer comes later: to be asked for again then. */
  | { kind: 'deferred'; until: Date }
  /** The process must stop: nothing was decided. */
  | { kind: 'stopped' };

export interface ThinkOptions {
  replies: Answer;
  /** The context but for what is known only here: the signal, made when it is first asked for. */
  createContext(signal: () => AbortSignal): ReplyContext;
  fit: FitOptions;
  timeoutMs: number;
  /** Aborted when the process will wait no longer. */
  stop: AbortSignal;
}

/** Runs the reply logic for one message within its time limit. Never rejects. */
export async function think({
  replies,
  createContext,
  fit,
  timeoutMs,
  stop,
}: ThinkOptions): Promise<Thought> {
  if (stop.aborted) return { kind: 'stopped' };
  const limit = createLimit(timeoutMs, stop);
  let running: Promise<unknown> | undefined;
  try {
    const returned = replies(createContext(limit.signal));
    // Only what takes time is given a limit: a timer and listeners are not free.
    if (isThenable(returned)) running = Promise.resolve(returned);
    const result = running
      ? await limit.within(running as Promise<Awaited<ReturnType<Answer>>>)
      : (returned as Awaited<ReturnType<Answer>>);
    if (result instanceof Deferred) return { kind: 'deferred', until: result.until };
    const fitted = fitReplies(result, fit);
    return fitted.kind === 'fits' ? { ...fitted, kind: 'replies' } : fitted;
  } catch (error) {
    if (stop.aborted) return { kind: 'stopped' };
    if (limit.isOver()) {
      const error = `the reply logic took longer than ${timeoutMs} ms`;
      return running ? { kind: 'error', error, running } : { kind: 'error', error };
    }
    if (error instanceof SourceError) {
      const { retry, retryAfterMs, message } = error;
      if (retry === 'never') return { kind: 'refused', problem: message };
      return { kind: 'error', error: message, outage: { retryAfterMs } };
    }
    return {
      kind: 'error',
      error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  }
}

/** Promises of other makes count too. */
function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** By hand: AbortSignal.any leaves its traces on a signal that lives as long as the process (Node 20). */
function createLimit(timeoutMs: number, stop: AbortSignal) {
  let controller: AbortController | undefined;
  let ended: { reason: unknown } | undefined;
  let isOver = false;

  return {
    signal(): AbortSignal {
      controller ??= new AbortController();
      if (ended) controller.abort(ended.reason);
      return controller.signal;
    },
    isOver: () => isOver,
    /** The logic may not heed the signal: it is left behind then, and what it returns later is ignored. */
    within<T>(running: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const end = (reason: unknown) => {
          done();
          ended = { reason };
          controller?.abort(reason);
          reject(reason);
        };
        const done = () => {
          clearTimeout(timer);
          stop.removeEventListener('abort', onStop);
        };
        const onStop = () => end(stop.reason);
        const timer = setTimeout(() => {
          isOver = true;
          end(new DOMException('time is up', 'TimeoutError'));
        }, timeoutMs);
        stop.addEventListener('abort', onStop, { once: true });
        running.then(resolve, reject).finally(done);
      });
    },
  };
}
