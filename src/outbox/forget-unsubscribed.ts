import { advisoryLocks, lockClass } from '../db/locks.js';
import type { Pool } from '../db/pool.js';

/** What one look came to. */
export interface UnsubscribedBatch {
  /** False: another process looks now. */
  isOurs: boolean;
  /** Id of the last event that was looked at; undefined where there was none. */
  position: string | undefined;
  /** Events that were looked at and came long enough ago. Fewer than `limit`: there are no more for now. */
  passed: number;
  /** Ids of those whose users did not come back. */
  candidates: readonly string[];
}

/**
 * Events are looked at by id, from where the last look ended, along an index of unsubscribe events alone. The first that came
 * too late to be old ends the look; a minute at least, so that what came earlier has been committed by then. Whoever came back needs no second look: when they leave again, another event says so.
 */
const lookSql = `
  with turn as materialized (
    select pg_try_advisory_xact_lock(${lockClass}, ${advisoryLocks.forget}) as is_ours
  ),
  seen as materialized (
    select m.id, m.app_id, m.openid, m.created_at, m.received_at
    from wechat.inbound_message m
    where m.event = 'unsubscribe' and m.forgotten_at is null and m.id > $1 and (select is_ours from turn)
    order by m.id limit $2
  ),
  passed as materialized (
    select * from seen
    where id < coalesce(
      (select min(young.id) from seen young where young.received_at > now() - greatest($3 * interval '1 day', interval '1 minute')),
      9223372036854775807)
  )
  select is_ours, (select max(id) from passed) as position, (select count(*)::int from passed) as passed,
    array(
      select p.id::text from passed p
      where not wechat.came_back(p.app_id, p.openid, p.id, p.created_at)
      order by p.id) as candidates
  from turn`;

/** Looks for users who left more than `days` ago, and a minute at least, and did not come back. */
export async function lookForUnsubscribed(
  pool: Pool,
  { afterId, limit, days }: { afterId: string; limit: number; days: number },
): Promise<UnsubscribedBatch> {
  const { rows } = await pool.query<{
    is_ours: boolean;
    position: string | null;
    passed: number;
    candidates: string[];
  }>({ name: 'unsubscribed', text: lookSql, values: [afterId, limit, days] });
  const [row] = rows;
  return {
    isOurs: row?.is_ours ?? false,
    position: row?.position ?? undefined,
    passed: row?.passed ?? 0,
    candidates: row?.candidates ?? [],
  };
}

/** `busy`: another process does it; `in_hand`: a worker has a message of theirs; `gone`: it was done already. */
export type ForgetResult = 'forgotten' | 'came_back' | 'in_hand' | 'gone' | 'busy';

/** Forgets the user of an unsubscribe event: a transaction for each, so that none holds up another. */
export async function forgetUnsubscribed(pool: Pool, messageId: string): Promise<ForgetResult> {
  const { rows } = await pool.query<{ result: ForgetResult }>(
    `select case when pg_try_advisory_xact_lock(${lockClass}, ${advisoryLocks.forget})
       then wechat.forget_unsubscribed($1) else 'busy' end as result`,
    [messageId],
  );
  return rows[0]?.result ?? 'gone';
}
