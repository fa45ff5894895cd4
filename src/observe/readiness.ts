import type { Pool } from '../db/pool.js';
import { describeError } from '../lib/describe-error.js';
import { scrub } from '../lib/scrub.js';

/**
 * One thing that must be so for the service to do its work; resolves with what is wrong, or undefined. A warning is for
 * a person: it takes the process out of no balancer.
 */
export type ReadinessCheck = () => Promise<Problem>;

export type Problem = string | { warning: string } | undefined;

/** Looks at all of them at once, for three seconds at most. Never rejects. */
export async function lookAt(
  checks: Readonly<Record<string, ReadinessCheck>>,
): Promise<{ ready: boolean; results: { name: string; problem: Problem }[] }> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => ({ name, problem: await withinTime(check) })),
  );
  return { ready: results.every(({ problem }) => typeof problem !== 'string'), results };
}

const checkTimeoutMs = 3_000;

/** What is wrong is told without the secrets that a driver's error may quote. */
async function withinTime(check: ReadinessCheck): Promise<Problem> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no response within ${checkTimeoutMs} ms`), checkTimeoutMs);
  });
  try {
    const problem = await Promise.race([check(), timeout]);
    if (problem === undefined) return undefined;
    return typeof problem === 'string' ? scrub(problem) : { warning: scrub(problem.warning) };
  } catch (error) {
    return scrub(describeError(error));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A standby takes no writes, nor does a database, or a role, that is set to read only. A connection keeps what was set
 * when it was opened: one that says "read only" is replaced, and only a new one is believed.
 */
export function writableCheck(pool: Pool): ReadinessCheck {
  return async () => {
    const idle = pool.idleCount;
    for (let stale = 0; ; stale += 1) {
      const client = await pool.connect();
      let readOnly = true;
      try {
        const { rows } = await client.query<{ standby: boolean; read_only: boolean }>(
          `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as read_only`,
        );
        if (rows[0]?.standby) return 'it is a read-only standby';
        readOnly = rows[0]?.read_only ?? false;
      } finally {
        client.release(readOnly);
      }
      if (!readOnly) return undefined;
      if (stale >= idle) return 'it takes no writes: default_transaction_read_only is on';
    }
  };
}

export interface WorkerState {
  /** Who was given up goes on under another id. */
  readonly workerId: number;
  /** Whether it has looked at the queue since it started. */
  readonly hasLooked: boolean;
}

/**
 * Whether this process's worker can claim messages: it has begun to, the others have not given it up, and its signs of
 * life arrive.
 *
 * @param state asked anew each time; undefined before the worker has started
 */
export function workerCheck(pool: Pool, state: () => WorkerState | undefined): ReadinessCheck {
  return async () => {
    const worker = state();
    if (!worker) return 'the worker has not started yet';
    if (!worker.hasLooked) return 'the worker has not looked at the queue yet';
    const { workerId } = worker;
    const { rows } = await pool.query<{ ended: boolean; silent_seconds: number }>(
      `select ended_at is not null as ended, extract(epoch from now() - heartbeat_at)::int as silent_seconds
       from wechat.worker_process where id = $1`,
      [workerId],
    );
    const [row] = rows;
    if (!row || row.ended) return `worker ${workerId} was given up for dead, and is about to go on anew`;
    return row.silent_seconds > maxSilenceSeconds
      ? `worker ${workerId} gave no sign of life for ${row.silent_seconds} s: its session is lost`
      : undefined;
  };
}

/** A sign of life is given every two seconds. */
const maxSilenceSeconds = 10;
