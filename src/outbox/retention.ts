import { advisoryLocks, lockClass } from '../db/locks.js';
import type { Pool } from '../db/pool.js';

/** What one batch came to. */
export interface RetentionBatch {
  /** False: another process deletes now, or messages wait to be worked on. Nothing was done. */
  isOurs: boolean;
  /** Id of the last message that was looked at; undefined where there was none. */
  position: string | undefined;
  /** Messages that were looked at and came long enough ago. Fewer than `limit`: there are no more for now. */
  passed: number;
  deleted: number;
}

/**
 * Messages are looked at by id, which is the order in which they came, from where the last batch ended: before that,
 * the index is full of entries of deleted rows until they are vacuumed. The first that came too late to be old ends the
 * look, so that with nothing to delete it costs one row. A row that somebody has locked (it is being requeued) is left
 * for another time.
 *
 * Only what is settled goes, so no lane can need it. Its deliveries and attempts go with it, in the order of locks. Its days are noted,
 * whose figures are then counted again.
 *
 * One process at a time, and none while a job has been due for more than a moment: then messages wait to be worked on.
 * Not so those of an account that rests, which have no job.
 */
const batchSql = `
  with turn as materialized (
    select pg_try_advisory_xact_lock(${lockClass}, ${advisoryLocks.retention}) and not exists (
      select from graphile_worker.jobs
      where task_identifier = 'lanes' and attempts < max_attempts and run_at < now() - interval '1 second'
    ) as is_ours
  ),
  seen as materialized (
    select m.id, m.received_at, m.settled_at, m.window_ends_at
    from wechat.inbound_message m
    where m.id > $1 and (select is_ours from turn)
    order by m.id limit $2
  ),
  passed as materialized (
    select * from seen
    where id < coalesce(
      (select min(young.id) from seen young where young.received_at >= now() - $3 * interval '1 day'),
      9223372036854775807)
  ),
  old as materialized (
    select m.id from wechat.inbound_message m
    where m.id = any(array(
        select id from passed
        where settled_at < now() - $3 * interval '1 day' and coalesce(window_ends_at < now(), true)))
      and m.settled_at < now() - $3 * interval '1 day'
    order by m.id for update skip locked
  ),
  gone as (
    delete from wechat.inbound_message m using old where m.id = old.id returning m.id, m.received_at
  ),
  gone_delivery as (
    delete from wechat.delivery d using gone where d.message_id = gone.id returning d.id, d.created_at
  ),
  noted as (
    insert into wechat.changed_day (day, deleted)
    select wechat.china_day(received_at), true from gone union select wechat.china_day(created_at), true from gone_delivery
  ),
  gone_attempt as (
    delete from wechat.delivery_attempt a using gone_delivery where a.delivery_id = gone_delivery.id
  ),
  gone_media as (
    delete from wechat.inbound_media i using gone where i.message_id = gone.id
  ),
  gone_call as (
    delete from wechat.model_call c using gone where c.message_id = gone.id
  ),
  gone_rest as (
    delete from wechat.model_rest r using gone where r.message_id = gone.id
  ),
  gone_result as (
    delete from wechat.once_result o using gone where o.message_id = gone.id
  ),
  gone_callback as (
    delete from wechat.reply_callback c using gone where c.message_id = gone.id
  ),
  gone_check as (
    delete from wechat.reply_check c using gone where c.message_id = gone.id
  )
  select is_ours, (select max(id) from passed) as position, (select count(*)::int from passed) as passed,
    (select count(*)::int from gone) as deleted
  from turn`;

/**
 * Deletes what was settled more than `days` ago, oldest first.
 *
 * @param pool its commits need not wait for the disk: a deletion that is lost with a crash of Postgres is done again when the
 * messages are next looked through from the start
 * @param afterId where to begin: the position of the batch before, or 0
 */
export async function deleteOld(
  pool: Pool,
  { afterId, limit, days }: { afterId: string; limit: number; days: number },
): Promise<RetentionBatch> {
  const { rows } = await pool.query<{
    is_ours: boolean;
    position: string | null;
    passed: number;
    deleted: number;
  }>({ name: 'retention', text: batchSql, values: [afterId, limit, days] });
  const [row] = rows;
  return {
    isOurs: row?.is_ours ?? false,
    position: row?.position ?? undefined,
    passed: row?.passed ?? 0,
    deleted: row?.deleted ?? 0,
  };
}

/** Deletes the record of takeovers that ended more than `days` ago; the rest is the next call's. Returns how many. */
export async function deleteEndedHandovers(pool: Pool, days: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from wechat.handover_history where id in (
       select id from wechat.handover_history where ended_at < now() - $1 * interval '1 day' order by id limit 5000)`,
    [days],
  );
  return rowCount ?? 0;
}

/** Deletes workers that ended more than `days` ago and hold nothing. Returns how many. */
export async function deleteEndedWorkers(pool: Pool, days: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from wechat.worker_process w
     where w.ended_at < now() - $1 * interval '1 day' and not exists (select from wechat.lane l where l.worker_id = w.id)`,
    [days],
  );
  return rowCount ?? 0;
}
