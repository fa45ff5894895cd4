import type { Pool } from '../db/pool.js';

/** Lanes of one account looked at by one statement. */
const overduePage = 1_000;

/**
 * Of a page of the account's lanes, those that are free, due, and whose first message is past every reply window that we know
 * of (for one that opened none: past the longest there is). What an operator forced waits on.
 *
 * They are let through until the next page takes their place: a lane that is due later than that has been looked at since.
 */
const overdueSql = `
  with rest as materialized (
    select p.app_id from wechat.account_pause p where p.app_id = $1 for update skip locked
  ),
  page as materialized (
    select l.id, l.app_id, l.openid, l.slot, l.done_id, l.claim is null and l.due_at <= now() as is_ready
    from wechat.lane l
    where l.app_id = (select app_id from rest) and (l.openid, l.slot) > ($2, $3)
    order by l.openid, l.slot limit ${overduePage}
  ),
  overdue as materialized (
    select page.id
    from page cross join lateral (
      select m.id, coalesce(m.window_ends_at, m.received_at + interval '48 hours') as ends_at
      from wechat.inbound_message m
      where m.app_id = page.app_id and m.openid = page.openid and m.slot = page.slot and m.id > page.done_id
        and m.settled_at is null
      order by m.id limit 1
    ) head
    where page.is_ready and head.ends_at <= now()
      and coalesce(wechat.window_of(page.app_id, page.openid) <= now(), true)
      and not exists (
        select from wechat.delivery d
        where d.message_id = head.id and d.status in ('pending', 'sending') and d.ignores_window)
  ),
  let_through as (
    update wechat.account_pause p
    set overdue_lane_ids = found.ids, overdue_at = now()
    from (select coalesce(array_agg(id), '{}') as ids from overdue) found
    where p.app_id = (select app_id from rest) and (found.ids <> '{}' or p.overdue_lane_ids <> '{}')
  ),
  job as (
    select wechat.ring(array_agg(id), array_agg(false), array_agg(now())) from overdue having count(*) > 0
  )
  select (select count(*) from page)::int as looked_at, (select count(*) from overdue)::int as overdue, last.openid, last.slot
  from (select count(*) from job) as rung
  left join lateral (select openid, slot from page order by openid desc, slot desc limit 1) last on true`;

interface OverdueRow {
  looked_at: number;
  overdue: number;
  openid: string | null;
  slot: string | null;
}

/** Goes through an account's lanes page by page, one a call, and begins anew behind the last. @returns how many it let through */
export function createOverdue(pool: Pool): (appId: string) => Promise<number> {
  const positions = new Map<string, { openid: string; slot: string }>();

  return async (appId) => {
    const { openid, slot } = positions.get(appId) ?? { openid: '', slot: '' };
    const { rows } = await pool.query<OverdueRow>(overdueSql, [appId, openid, slot]);
    const [row] = rows;
    if (!row || row.looked_at < overduePage || row.openid === null || row.slot === null)
      positions.delete(appId);
    else positions.set(appId, { openid: row.openid, slot: row.slot });
    return row?.overdue ?? 0;
  };
}
