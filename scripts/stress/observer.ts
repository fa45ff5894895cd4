import { setTimeout as sleep } from 'node:timers/promises';
import { type Arena, accounts, mergeWithinMs } from './arena.ts';

/** Open messages that no lane shows. One statement, so one snapshot. */
const lostSql = `
  select m.id from wechat.inbound_message m
  left join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)
  where m.settled_at is null and (l.id is null or (l.slot = '' and m.id <= l.done_id))`;

/** Messages that became visible below an id that was visible before: $1 users, $2 the highest id seen, $3 how many up to it. */
const passedSql = `
  select a.app_id || ' ' || a.openid as conversation, max(a.id) as last_id, count(*)::int as messages,
    (count(*) filter (where a.id <= seen.last_id))::int as up_to_seen, max(seen.messages) as seen
  from stress.arrived a
  left join unnest($1::text[], $2::bigint[], $3::int[]) as seen (conversation, last_id, messages)
    on seen.conversation = a.app_id || ' ' || a.openid
  where a.slot = ''
  group by 1`;

/** Looks at snapshots all the time. */
export async function observe(arena: Arena, isOver: () => boolean): Promise<void> {
  const { pool, counts, violate } = arena;
  const conversations = new Map<string, { lastId: string; messages: number }>();
  while (!isOver()) {
    counts.snapshots += 1;
    for (const { id } of (await pool.query<{ id: string }>(lostSql)).rows)
      violate(`message ${id} is open, and no lane shows it`);
    if (counts.snapshots % 5 === 0) await lookForPassed();
    await sleep(2);
  }

  async function lookForPassed(): Promise<void> {
    const seen = [...conversations];
    const { rows } = await pool.query<{
      conversation: string;
      last_id: string;
      messages: number;
      up_to_seen: number;
      seen: number | null;
    }>(passedSql, [
      seen.map(([conversation]) => conversation),
      seen.map(([, { lastId }]) => lastId),
      seen.map(([, { messages }]) => messages),
    ]);
    for (const row of rows) {
      if (row.seen !== null && row.up_to_seen !== row.seen)
        violate(`${row.conversation}: a message was seen below one that had been seen before`);
      conversations.set(row.conversation, { lastId: row.last_id, messages: row.messages });
    }
  }
}

/** What must hold when all is done. Each gives a row for every violation, with a text. */
const finally_: Record<string, string> = {
  'is not settled': `select id::text as what from wechat.inbound_message where settled_at is null`,
  'is a lane that stayed': `select id || ', ' || openid as what from wechat.lane`,
  'is a delivery that is not final': `
    select id::text as what from wechat.delivery where status in ('pending', 'sending')`,
  'was committed before a message of a lower id in its conversation': `
    select id::text as what from (
      select id, committed < max(committed) over (partition by app_id, openid order by id) as passed
      from (select a.*, pg_xact_commit_timestamp(a.xmin) as committed from stress.arrived a where slot = '') arrived
    ) ordered where passed`,
  'was not settled once more than it was opened': `
    select message_id::text as what from stress.closing group by message_id
    having count(*) filter (where is_settled) <> 1 + count(*) filter (where not is_settled)`,
  'was settled before an earlier one of its conversation': `
    select message_id::text as what from (
      select message_id, message_id < max(message_id) over (partition by app_id, openid order by n) as passed
      from stress.closing join stress.arrived a on a.id = message_id
      -- Those of one merge are settled by one statement, in any order.
      where slot = '' and message_id not in (select id from wechat.inbound_message where merged_into is not null) and message_id not in (select message_id from stress.closing where by = 'operator')
    ) ordered where passed`,
  'is merged into none that can answer it': `
    select m.id::text as what from wechat.inbound_message m left join wechat.inbound_message t on t.id = m.merged_into
    where m.merged_into is not null and (
      t.id is null or (t.app_id, t.openid) <> (m.app_id, m.openid) or t.id <= m.id or t.merged_into is not null
      or m.settled_at is null or m.app_id <> '${accounts.merging}')`,
  'says another number of messages than are merged into it': `
    select t.id::text as what from wechat.inbound_message t
    where coalesce(t.merged_count, 0) <> (select count(*) from wechat.inbound_message m where m.merged_into = t.id)`,
  'was merged beyond the time': `
    select id::text as what from (
      select m.id, m.received_at - lag(m.received_at) over (
        partition by coalesce(m.merged_into, m.id) order by m.id) as later
      from wechat.inbound_message m where m.merged_into is not null or m.merged_count > 0
    ) together where later > ${mergeWithinMs} * interval '1 ms'`,
  'was answered by itself, although it is merged': `
    select m.id::text as what from wechat.inbound_message m
    where m.merged_into is not null
      and exists (select from wechat.delivery d where d.message_id = m.id and d.origin = 'reply')`,
  'was answered before it was decided with what': `
    select m.id::text as what from wechat.inbound_message m
    where m.app_id = '${accounts.merging}' and m.merged_count is null
      and exists (select from wechat.delivery d where d.message_id = m.id and d.origin = 'reply')`,
  'is hushed, and nobody has it': `
    select l.openid as what from wechat.lane l
    where l.hushed and not exists (select from wechat.handover h where (h.app_id, h.openid) = (l.app_id, l.openid))`,
  'passed the fence': `select what from stress.breach`,
  'has an attempt that nobody knows of': `
    select d.id::text as what from wechat.delivery d
    where d.attempts > (select count(*) from wechat.delivery_attempt a where a.delivery_id = d.id)`,
};

export async function checkEnd({ pool, counts, violate }: Arena): Promise<void> {
  const merged = await pool.query('select from wechat.inbound_message where merged_into is not null');
  counts.merged = merged.rowCount ?? 0;
  for (const [what, sql] of Object.entries(finally_)) {
    const { rows } = await pool.query<{ what: string }>(sql);
    for (const row of rows) violate(`${row.what} ${what}`);
  }
}
