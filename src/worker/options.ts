import type { AccessTokens } from '../accounts/access-token.js';
import type { MediaUploads } from '../accounts/media-uploads.js';
import type { Pool } from '../db/pool.js';
import type { Servers } from '../db/servers.js';
import type { Web } from '../lib/web.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { Tracing } from '../observe/tracing.js';
import type { ContextServices } from '../replies/context.js';
import type { ServedAccount } from '../replies/run.js';
import type { CurrentWords } from '../replies/words/check-words.js';
import type { SendClients } from '../sending/clients.js';
import type { RetryPolicy } from '../sending/retry-policy.js';
import type { HandsDependencies } from './hands.js';

export interface WorkerDependencies {
  pool: Pool;
  /** For jobs, claims and looks (see statements.ts). */
  claimPool: Pool;
  connectionString: string;
  /** Shared with the pools. */
  servers?: Servers | undefined;
  accounts: readonly ServedAccount[];
  clients: SendClients;
  tokens: AccessTokens;
  web: Web;
  uploads: MediaUploads;
  /** What the reply logic reaches out of this process with. */
  services: ContextServices;
  /** Looked for in what users write; undefined: there is no word list. */
  words?: CurrentWords | undefined;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  clock: () => Date;
  random: () => number;
  /** Ends the wait for a database that goes away while the worker starts. */
  starting: AbortSignal;
}

export interface WorkerOptions {
  replyTimeoutMs: number;
  overflowNotice: string;
  /** With one of these texts a user has the reply logic back. */
  handBackWords: readonly string[];
  /** So long after an agent's last word a conversation is handed back; 0: never. */
  handoverIdleMinutes: number;
  policy: RetryPolicy;
  /** How long `stop` waits for what is under way. */
  shutdownGraceMs: number;
  /** How long a worker must be missing before its work is given away. */
  rescueAfterMs: number;
  /** Lanes being worked on at once, those that wait for a slot included; more where concurrency or accounts ask for it. */
  maxInFlight: number;
  /** Of each account, as is the next. */
  replyConcurrency: number;
  sendConcurrency: number;
  /** Settled messages older than so many days are deleted; 0: none ever. */
  retentionDays: number;
  /** Users who unsubscribed so many days ago are forgotten; undefined: nobody is. */
  forgetAfterUnsubscribeDays: number | undefined;
  /** How often graphile-worker looks for jobs whose time has come (retries); new ones are notified. */
  pollIntervalMs: number;
}

/** So many lanes of each account can be in hand, however many accounts there are. */
const leastOfAccount = 20;

/**
 * Lanes in hand at once, and how many of them one account's may be: as many as can think and send. All accounts but one may be
 * slow: the last still finds room.
 */
export function lanesInHand(
  { maxInFlight, replyConcurrency, sendConcurrency }: WorkerOptions,
  accounts: number,
): Pick<HandsDependencies, 'maxInFlight' | 'maxOfAccount' | 'isAlone'> {
  const enough = replyConcurrency + sendConcurrency;
  const all = Math.max(maxInFlight, enough, leastOfAccount * accounts);
  const maxOfAccount = Math.min(enough, Math.floor(all / Math.max(1, accounts)));
  return { maxInFlight: all, maxOfAccount, isAlone: accounts === 1 };
}

export const defaultWorkerOptions = {
  maxInFlight: 1_000,
  pollIntervalMs: 2_000,
} as const;
