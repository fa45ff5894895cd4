import { batchFailure } from '../db/errors.js';
import { createBatcher } from '../lib/batcher.js';
import { describeError } from '../lib/describe-error.js';
import type { Tracing } from '../observe/tracing.js';
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
  /**
   * How long to keep trying for a message while the database is away. WeChat hangs up after 5,000, and the answer of a busy process
   * takes a while to leave: it shall have left by 4,500.
   */
  patienceMs?: number;
  /** Messages in one statement. */
  maxGroup?: number;
  /** As many as gain hardly anything by more company: they are stored while the rest of the turn is still parsed. */
  fullGroup?: number;
  /** Statements under way at once, where they are full. */
  maxConcurrent?: number;
  /** Statements under way when one that is not full may go too: fewer, so that what arrives in between shares one, and a job. */
  maxConcurrentSmall?: number;
  /** Messages that such a one needs for it. */
  besideGroup?: number;
  /** Messages that may wait. */
  maxWaiting?: number;
  tracing?: Pick<Tracing, 'startGroup'>;
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

/** Between tries while the database is away, or a message is locked. */
const retryPauseMs = 100;

/**
 * A bounded queue before the statements that store: each message has its answer in time, stored or not. A commit whose
 * answer was lost is found by its dedupe key when it is tried again.
 */
export function createCommitGroup({
  arrive,
  patienceMs = 4_200,
  maxGroup = 500,
  fullGroup = 64,
  maxConcurrent = 4,
  maxConcurrentSmall = 2,
  besideGroup = 16,
  maxWaiting = 5_000,
  tracing,
  onGroup,
  onError,
}: CommitGroupOptions): Inbox {
  let unanswered = 0;
  let lastError = 'the database did not answer in time';
  let failedAt: number | undefined;
  /** Start of the latest statement that stored: what failed and had begun before it tells of a problem that is over. */
  let storedFrom = Number.NEGATIVE_INFINITY;

  async function store(entries: readonly Waiting[]): Promise<ArriveResult[]> {
    const startedAt = performance.now();
    const span = tracing?.startGroup(entries.map(({ arrival }) => arrival.span));
    try {
      const results = await arrive(entries.map(({ arrival }) => arrival));
      storedFrom = Math.max(storedFrom, startedAt);
      failedAt = undefined;
      span?.end();
      return results;
    } catch (error) {
      lastError = describeError(error);
      span?.end({}, batchFailure(error));
      if (startedAt >= storedFrom) failedAt = performance.now();
      throw error;
    }
  }

  const group = createBatcher<Waiting, ArriveResult>({
    run: store,
    classify: batchFailure,
    maxItems: maxGroup,
    fullItems: fullGroup,
    maxConcurrent,
    maxConcurrentSmall,
    besideItems: besideGroup,
    pauseMs: () => retryPauseMs,
    isWanted: ({ answered }) => !answered,
    onStatement: (items) => onGroup?.(items),
    onFailure: (error) => onError?.(error),
  });

  /** Answers once, however many ways there are to an answer. */
  function wait(arrival: Arrival, answer: (result: CommitResult) => void): Waiting {
    const entry: Waiting = {
      arrival,
      answered: false,
      resolve(result) {
        if (entry.answered) return;
        entry.answered = true;
        unanswered -= 1;
        clearTimeout(timer);
        answer(result);
      },
    };
    const timer = setTimeout(() => entry.resolve({ kind: 'unavailable', reason: lastError }), patienceMs);
    return entry;
  }

  return {
    commit(arrival) {
      if (unanswered >= maxWaiting) {
        return Promise.resolve({ kind: 'shed', reason: `${maxWaiting} messages wait already` });
      }
      unanswered += 1;
      return new Promise((resolve) => {
        const entry = wait(arrival, resolve);
        group.add(entry).then(
          (kind) => entry.resolve({ kind }),
          (error) => entry.resolve({ kind: 'unavailable', reason: describeError(error) }),
        );
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
