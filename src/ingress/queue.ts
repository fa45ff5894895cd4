import { isOutage } from '../db/errors.js';
import type { Arrival, Arrive, ArriveResult } from '../outbox/arrive.js';

export type CommitResult =
  | { kind: ArriveResult }
  /** Refused at once: more would only make all of them late. */
  | { kind: 'shed'; reason: string }
  /** Not stored, or not known to be: the answer must make WeChat try again. */
  | { kind: 'unavailable'; reason: string };

export interface Inbox {
  /** Resolves once the message is committed, or at the latest when its time is up. Never rejects. */
  commit(arrival: Arrival): Promise<CommitResult>;
  /** Messages that wait for their commit. */
  readonly waiting: number;
  /** Whether a message would be refused now; to be asked before anything is read. */
  readonly isFull: boolean;
  /** What went wrong with the latest statement, not long ago; undefined when it went well. */
  readonly problem: string | undefined;
}

export interface CommitGroupOptions {
  arrive: Arrive;
  /** How long to keep trying for a message while the database is away. WeChat hangs up after 5,000. */
  patienceMs?: number;
  /** Messages in one statement. */
  maxGroup?: number;
  /** As many as gain hardly anything by more company: they are stored while the rest of the turn is still parsed. */
  fullGroup?: number;
  /** Statements under way at once, where they are full. */
  maxConcurrent?: number;
  /** Statements under way when one that is not full may go too: fewer, so that what arrives in between shares one. */
  maxConcurrentSmall?: number;
  /** Messages that may wait. */
  maxWaiting?: number;
  onGroup?(size: number): void;
  onError?(error: unknown): void;
}

interface Waiting {
  arrival: Arrival;
  resolve(result: CommitResult): void;
  /** Set once answered; a statement under way may still store it, which its retry then finds. */
  answered: boolean;
}

/** Then it is tried again: a balancer that sends nothing more could else never learn that all is well. */
const problemLastsMs = 15_000;

/** Between tries while the database is away. */
const retryPauseMs = 100;

/**
 * Collects what arrives while statements are under way and stores it with the next one: under load the messages
 * share a round trip, an fsync and a notification; a lone message waits for nobody.
 */
export function createCommitGroup({
  arrive,
  patienceMs = 4_500,
  maxGroup = 500,
  fullGroup = 64,
  maxConcurrent = 4,
  maxConcurrentSmall = 2,
  maxWaiting = 5_000,
  onGroup,
  onError,
}: CommitGroupOptions): Inbox {
  const maxSmall = Math.min(maxConcurrentSmall, maxConcurrent);
  let queue: Waiting[] = [];
  let underWay = 0;
  let unanswered = 0;
  let scheduled = false;
  let pausing = false;
  let lastError = 'the database did not answer in time';
  let failedAt: number | undefined;

  function schedule(): void {
    if (pausing || underWay >= maxConcurrent || queue.length === 0) return;
    // Else a busy turn would parse hundreds of pushes while Postgres has nothing to do, and then wait for it.
    if (queue.length >= fullGroup) void flush(queue.splice(0, maxGroup));
    if (scheduled || underWay >= maxSmall) return;
    scheduled = true;
    // After this turn of the event loop: every push that it still parses joins the group.
    setImmediate(() => {
      scheduled = false;
      while (!pausing && underWay < maxSmall && queue.length > 0) void flush(queue.splice(0, maxGroup));
    });
  }

  async function flush(taken: Waiting[]): Promise<void> {
    const group = taken.filter(({ answered }) => !answered);
    if (group.length === 0) return;
    underWay += 1;
    onGroup?.(group.length);
    try {
      const results = await arrive(group.map(({ arrival }) => arrival));
      for (const [index, entry] of group.entries()) entry.resolve({ kind: results[index] ?? 'stored' });
      failedAt = undefined;
    } catch (error) {
      onError?.(error);
      lastError = error instanceof Error ? error.message : String(error);
      failedAt = performance.now();
      if (isOutage(error)) retryLater(group);
      else if (group.length > 1) await storeOneByOne(group);
      else group[0]?.resolve({ kind: 'unavailable', reason: lastError });
    } finally {
      underWay -= 1;
      schedule();
    }
  }

  /** Back to the front of the queue, in order. A commit whose answer was lost is found by its dedupe key. */
  function retryLater(group: Waiting[]): void {
    queue = [...group, ...queue].filter(({ answered }) => !answered);
    if (pausing) return;
    pausing = true;
    setTimeout(() => {
      pausing = false;
      schedule();
    }, retryPauseMs);
  }

  /** One message that Postgres refuses must not take the others of its group with it. */
  async function storeOneByOne(group: Waiting[]): Promise<void> {
    for (const entry of group) {
      try {
        const [result] = await arrive([entry.arrival]);
        entry.resolve({ kind: result ?? 'stored' });
      } catch (error) {
        onError?.(error);
        entry.resolve({
          kind: 'unavailable',
          reason: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }

  return {
    commit(arrival) {
      if (unanswered >= maxWaiting) {
        return Promise.resolve({ kind: 'shed', reason: `${maxWaiting} messages wait already` });
      }
      unanswered += 1;
      return new Promise((resolve) => {
        const timer = setTimeout(() => entry.resolve({ kind: 'unavailable', reason: lastError }), patienceMs);
        const entry: Waiting = {
          arrival,
          answered: false,
          resolve(result) {
            if (entry.answered) return;
            entry.answered = true;
            unanswered -= 1;
            clearTimeout(timer);
            resolve(result);
          },
        };
        queue.push(entry);
        schedule();
      });
    },
    get waiting() {
      return unanswered;
    },
    get isFull() {
      return unanswered >= maxWaiting;
    },
    get problem() {
      return failedAt !== undefined && performance.now() - failedAt < problemLastsMs ? lastError : undefined;
    },
  };
}
