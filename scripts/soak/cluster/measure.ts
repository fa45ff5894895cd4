import type pg from 'pg';
import type { DeliveredMessage } from '#src/simulator/index.js';
import type { Acknowledged } from '../load.ts';
import type { Failover } from './faults.ts';

/** What users and WeChat saw of a failover; times in ms. */
export interface Measured extends Failover {
  /** From the fault to the new leader. */
  electionMs: number;
  /** The longest time in which no push was acknowledged. */
  refusedMs: number;
  /** From the new leader to the first reply that a user received after it. */
  sendsAfterMs: number;
  /** From the new leader until all that was stored before it had its answers. */
  backlogAfterMs: number;
  /** Acknowledged before the new leader, and not stored by it. */
  lost: number;
}

export async function measureFailovers({
  pool,
  failovers,
  acknowledged,
  delivered,
  lost,
}: {
  pool: pg.Pool;
  failovers: readonly Failover[];
  acknowledged: readonly Acknowledged[];
  delivered: readonly DeliveredMessage[];
  /** Descriptions of lost messages; each begins with its text. */
  lost: readonly string[];
}): Promise<Measured[]> {
  const lostTexts = new Set(lost.map((description) => description.split(' ')[0]));
  const acknowledgements = acknowledged.map(({ at }) => at).sort((left, right) => left - right);
  const measured: Measured[] = [];
  for (const [nth, failover] of failovers.entries()) {
    const { at, leaderAt, wholeAt } = failover;
    const until = failovers[nth + 1]?.at ?? Number.POSITIVE_INFINITY;
    const since = failovers[nth - 1]?.leaderAt ?? 0;
    const first = delivered.find((message) => message.at > leaderAt);
    measured.push({
      ...failover,
      electionMs: leaderAt - at,
      refusedMs: longestGap(acknowledgements, at, Math.min(until, Math.max(wholeAt, leaderAt + 60_000))),
      sendsAfterMs: first ? first.at - leaderAt : Number.POSITIVE_INFINITY,
      backlogAfterMs: await readBacklog(pool, leaderAt),
      lost: acknowledged.filter((one) => one.at > since && one.at <= leaderAt && lostTexts.has(one.text))
        .length,
    });
  }
  return measured;
}

/** The longest time between two of them, as far as it lies between `from` and `to`: what is behind belongs to the next failover. */
function longestGap(times: readonly number[], from: number, to: number): number {
  let longest = 0;
  for (const [nth, time] of times.entries()) {
    const next = times[nth + 1];
    if (next !== undefined) longest = Math.max(longest, Math.min(next, to) - Math.max(time, from));
  }
  return longest;
}

async function readBacklog(pool: pg.Pool, leaderAt: number): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>(
    `select coalesce(extract(epoch from max(settled_at) - $1::timestamptz), 0)::float8 * 1000 as ms
     from wechat.inbound_message where received_at < $1 and settled_at > $1`,
    [new Date(leaderAt)],
  );
  return Math.round(rows[0]?.ms ?? 0);
}
