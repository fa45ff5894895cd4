import { type FitOptions, fitReplies } from '../replies/fit.js';
import type { Replies, ReplyContext } from '../replies/router.js';
import type { Reply } from '../wechat/reply.js';

/** What came of running the reply logic once. */
export type Thought =
  | { kind: 'replies'; replies: Reply[]; cut: string | undefined }
  /** More than may be sent, and the account wants that refused. Starting the logic again would not help. */
  | { kind: 'refused'; problem: string }
  /** It threw, took too long, or returned something that is no reply. */
  | { kind: 'error'; error: string }
  /** The process must stop: nothing was decided. */
  | { kind: 'stopped' };

export interface ThinkOptions {
  replies: Replies;
  /** The context but for what is known only here: the signal. */
  createContext(signal: AbortSignal): ReplyContext;
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
  // By hand: AbortSignal.any leaves its traces on a signal that lives as long as the process (Node 20).
  const controller = new AbortController();
  const { signal } = controller;
  const abort = () => controller.abort(stop.reason);
  const timer = setTimeout(() => controller.abort(new DOMException('time is up', 'TimeoutError')), timeoutMs);
  stop.addEventListener('abort', abort, { once: true });
  try {
    if (stop.aborted) return { kind: 'stopped' };
    // The logic may not heed the signal: it is left behind then, and what it returns later is ignored.
    const result = await Promise.race([
      Promise.resolve().then(() => replies(createContext(signal))),
      aborted(signal),
    ]);
    const fitted = fitReplies(result, fit);
    return fitted.kind === 'fits' ? { ...fitted, kind: 'replies' } : fitted;
  } catch (error) {
    if (stop.aborted) return { kind: 'stopped' };
    if (signal.aborted) return { kind: 'error', error: `the reply logic took longer than ${timeoutMs} ms` };
    return {
      kind: 'error',
      error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', abort);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
