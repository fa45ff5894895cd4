import type { Pool } from '../db/pool.js';
import type { Proxies } from '../lib/proxies.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Tracing } from '../observe/tracing.js';
import type { Awaitable, BeforeSend, ReplyContext, ReplyResult } from './router.js';

/**
 * The answer comes later: the message stays unanswered, with all behind it in its conversation, and the reply logic is asked again at
 * this time, or as soon as somebody rings for its lane.
 */
export class Deferred {
  constructor(readonly until: Date) {}
}

/** Why a source has no answer, where it knows whether asking it again helps. Any other error counts as one of the reply logic. */
export class SourceError extends Error {
  readonly code = 'SOURCE';

  /**
   * @param retry `never`: the message fails at once. `outage`: what is asked is away or busy; it is asked again as long as WeChat
   * would be, inside the reply window
   * @param retryAfterMs not before: it said so itself
   */
  constructor(
    message: string,
    readonly retry: 'never' | 'outage',
    readonly retryAfterMs = 0,
  ) {
    super(message);
    this.name = 'SourceError';
  }
}

/** undefined or null: not its to answer. */
export type Answer = (context: ReplyContext) => Awaitable<ReplyResult | Deferred>;

/** One of the ways to answer that REPLIES names: read and checked when the process starts, before anything runs. */
export interface LoadedSource {
  /** As REPLIES names it: for the log, and for whoever asks who answered. */
  readonly name: string;
  open(services: SourceServices): Promise<ReplySource>;
}

/** What a source may use, once the service runs. */
export interface SourceServices {
  appId: string;
  /** What the account's requests to back ends are signed by: the current one first, then the one before it, each `whsec_…`. */
  httpReplySecrets: readonly string[];
  pool: Pool;
  proxies: Proxies | undefined;
  log: Logger;
  metrics: Pick<Metrics, 'ruleAnswers'>;
  tracing: Pick<Tracing, 'within'>;
  clock(): Date;
}

export interface ReplySource {
  readonly name: string;
  readonly answer: Answer;
  readonly beforeSend?: BeforeSend | undefined;
  /** Called when nothing is under way any more. */
  close(): Promise<void>;
}

/** Replies that need nothing of the service. */
export function sourceOf(name: string, answer: Answer, beforeSend?: BeforeSend): LoadedSource {
  return { name, open: async () => ({ name, answer, beforeSend, close: async () => undefined }) };
}

/** Asks one after another, until one says that the message is its to answer. */
export function inTurn(sources: readonly ReplySource[]): Answer {
  const [first] = sources;
  if (first && sources.length === 1) return first.answer;
  return async (context) => {
    for (const { answer } of sources) {
      const result = await answer(context);
      if (result !== undefined && result !== null) return result;
    }
    return undefined;
  };
}
