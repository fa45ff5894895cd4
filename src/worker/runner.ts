import { once, setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccessTokens } from '../accounts/access-token.js';
import { createInboundMedia } from '../accounts/inbound-media.js';
import { createPauses, type PauseCause } from '../accounts/pauses.js';
import { createSendRate } from '../accounts/send-rate.js';
import { batchFailure } from '../db/errors.js';
import { persist } from '../db/persist.js';
import type { Pool } from '../db/pool.js';
import { createBatcher } from '../lib/batcher.js';
import { createSlots } from '../lib/slots.js';
import type { Web } from '../lib/web.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { type ClaimedMessage, type Conversation, createClaims } from '../outbox/claim.js';
import { createPlanner } from '../outbox/plan.js';
import { createRecords } from '../outbox/record.js';
import { createRunReplies, type ServedAccount } from '../replies/run.js';
import { createDeliver } from '../sending/deliver.js';
import { createMedia, type MediaUploads } from '../sending/media.js';
import type { RetryPolicy } from '../sending/retry-policy.js';
import { createTyping } from '../sending/typing.js';
import type { WeChatClient } from '../wechat/out/client.js';
import { createAnswer } from './answer.js';
import { runJobs, superviseJobs } from './jobs.js';
import { leave } from './leave.js';
import { startMaintenance } from './maintenance.js';
import { createRetention } from './retention.js';
import { openSession } from './session.js';
import { createStrays } from './strays.js';
import { createAnswerTask } from './tasks.js';

export interface WorkerDependencies {
  pool: Pool;
  /**
   * For jobs and claims, whose commits need not wait for the disk: a claim lost with a crash of Postgres is one that
   * nothing was sent on, for every plan waits for the disk, and finds by the claim's absence that it was lost.
   */
  claimPool: Pool;
  connectionString: string;
  accounts: readonly ServedAccount[];
  client: WeChatClient;
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
  /** Messages being answered at once, those that wait for a slot included. */
  maxInFlight: number;
  replyConcurrency: number;
  /** For each account. */
  sendConcurrency: number;
  /** Settled messages older than so many days are deleted; 0: none ever. */
  retentionDays: number;
  /** How often graphile-worker looks for jobs whose time has come (retries); new ones are notified. */
  pollIntervalMs: number;
}

export const defaultWorkerOptions = {
  maxInFlight: 1_000,
  pollIntervalMs: 500,
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

/** One of each kind at a time: what arrives meanwhile shares the next, and the larger it is, the less each costs. */
const writes = { maxItems: 500, maxConcurrent: 1 };

/**
 * What follows a send waits so long for others of its kind: no user waits for it, and each statement that is saved is
 * two wake-ups less for both processes.
 */
const afterSendMs = 10;

const now = () => performance.now();

/** Starts one worker process's part: from jobs to settled messages. */
export async function startWorker(dependencies: WorkerDependencies, options: WorkerOptions): Promise<Worker> {
  const { pool, claimPool, accounts, client, tokens, web, uploads, metrics, clock, random } = dependencies;
  const { connectionString } = dependencies;
  const { rescueAfterMs } = options;
  const session = await openSession({ connectionString, rescueAfterMs, leave, log: dependencies.log });
  const log = dependencies.log.child({ worker_id: session.workerId });
  const draining = new AbortController();
  const stopping = new AbortController();
  // One for each run of the reply logic.
  setMaxListeners(0, stopping.signal, draining.signal);
  const signals = { drain: draining.signal, stop: stopping.signal };
  const inFlight = new Set<Promise<void>>();
  const inFlightSlots = createSlots(options.maxInFlight);

  const onOutage = (error: unknown) => log.warn({ event: 'database_away', err: error }, 'database away');
  const durably = <T>(statement: () => Promise<T>) =>
    persist(statement, { signal: stopping.signal, onOutage });
  const unordered = accounts.filter(({ ordered }) => !ordered).map(({ appId }) => appId);
  const claims = createClaims(claimPool, unordered);
  const records = createRecords(pool);
  const pauses = createPauses(pool);
  const durablePauses = {
    isPaused: pauses.isPaused,
    pause: (cause: PauseCause) => durably(() => pauses.pause(cause)),
    resume: (appId: string) => durably(() => pauses.resume(appId)),
  };
  const batched = <Item, Written>(write: (items: readonly Item[]) => Promise<Written[]>, lingerMs = 0) =>
    createBatcher<Item, Written>({
      run: write,
      classify: batchFailure,
      ...writes,
      lingerMs,
      giveUp: stopping.signal,
      onFailure(error, failure) {
        if (failure === 'away') onOutage(error);
        else log.warn({ event: 'write_failed', failure, err: error }, 'a statement failed');
      },
    });
  const plan = batched(createPlanner(pool));
  const start = batched(records.start);
  const record = batched(records.record, afterSendMs);
  const finish = batched(records.finish, afterSendMs);
  const next = batched(claimHeads, afterSendMs);

  let workersAlive = 1;
  const strays = createStrays({
    heldBy: claims.heldBy,
    workerId: () => session.workerId,
    isInHand: (id) => inHand.has(id),
    release: ({ id, claimedAt }) =>
      finish.add({
        messageId: id,
        workerId: session.workerId,
        claimedAt,
        end: { kind: 'released', delayMs: 0, refundAttempt: false },
        error: undefined,
      }),
  });

  async function claimHeads(conversations: readonly Conversation[]): Promise<(ClaimedMessage | undefined)[]> {
    const claimed = await strays.claiming(() => claims.claimNext(conversations, session.workerId));
    const key = ({ appId, openid }: Conversation) => `${appId} ${openid}`;
    const heads = new Map(claimed.map((message) => [key(message), message]));
    // Each message to one asker only.
    return conversations.map((conversation) => {
      const head = heads.get(key(conversation));
      heads.delete(key(conversation));
      return head;
    });
  }

  const deliver = createDeliver({
    client,
    tokens,
    media: createMedia({ client, uploads, web, clock }),
    pauses: durablePauses,
    start: start.add,
    record: record.add,
    policy: options.policy,
    rescueAfterMs,
    clock,
    now,
    random,
    log,
    metrics,
  });
  const { answer, inHand } = createAnswer({
    accounts: new Map(accounts.map((account) => [account.appId, account])),
    runReplies: createRunReplies({
      openMedia: createInboundMedia({ client, tokens, web }),
      showTyping: createTyping({ client, tokens }),
      startReply: (message) => durably(() => records.startReply(message)),
      overflowNotice: options.overflowNotice,
      timeoutMs: options.replyTimeoutMs,
      slots: createSlots(options.replyConcurrency),
      signals,
    }),
    pauses,
    sendConcurrency: options.sendConcurrency,
    sendRate: createSendRate({
      workers: () => workersAlive,
      now,
      stop: draining.signal,
    }),
    tokens,
    plan: plan.add,
    deliver,
    finish: finish.add,
    settleRest: (rest) => durably(() => records.settleRest(rest)),
    claimNext: next.add,
    policy: options.policy,
    random,
    clock,
    now,
    log,
    metrics,
    signals,
  });

  /** Answers a claimed message and, in its slot, those that follow it in the conversation. */
  function take(message: ClaimedMessage): void {
    metrics.inFlight.inc();
    const done = answer(message)
      .catch((error) =>
        log.error({ event: 'answer_broken_off', message_id: message.id, err: error }, 'answer broken off'),
      )
      .finally(() => {
        inFlight.delete(done);
        inFlightSlots.release();
        metrics.inFlight.dec();
      });
    inFlight.add(done);
  }

  const answerTask = createAnswerTask({
    claim: (ids) => durably(() => strays.claiming(() => claims.claim(ids, session.workerId))),
    slots: inFlightSlots,
    maxClaim: Math.min(50, options.maxInFlight),
    take,
    drain: draining.signal,
    now,
  });

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
      runJobs({ pool: claimPool, pollIntervalMs: options.pollIntervalMs, task: answerTask, events, log }),
    onPool: (poolId) => void session.setPoolId(poolId).catch(onOutage),
    drain: draining.signal,
    log,
  });

  const retention =
    options.retentionDays > 0
      ? createRetention({
          pool: claimPool,
          days: options.retentionDays,
          isBusy: () => inFlight.size > options.maxInFlight / 4,
          workers: () => workersAlive,
          now,
          log,
          metrics,
        })
      : undefined;

  const maintenance = startMaintenance({
    pool,
    retention,
    log,
    pauses,
    metrics,
    rescueAfterMs,
    onWorkers(alive) {
      workersAlive = alive;
    },
    returnStrays: strays.giveBack,
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
      draining.abort();
      const grace = setTimeout(() => stopping.abort(), options.shutdownGraceMs);
      const finished = (async () => {
        await jobs.stop();
        await maintenance.stop();
        await Promise.all(inFlight);
      })();
      // What is still on the wire when the grace is over is left to others, who will find it begun and not ended.
      await Promise.race([
        finished,
        once(stopping.signal, 'abort').then(() => sleep(lastWordsMs, undefined, { ref: false })),
      ]);
      clearTimeout(grace);
      stopping.abort();
      await session.end();
    },
  };
}
