import { sql } from 'kysely';

/** What commands call the state of a message `m`: the table does not know whether one that is not settled has replies. */
export const messageState = sql<string>`case when m.settled_at is null then wechat.unsettled_state(m.id) else m.status end`;

/** Whether a lane `l` is that of a message `m`, which has one while it is not settled. */
export const isIts = sql<boolean>`m.settled_at is null and (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)`;

/** Whether a message `m` is the first in its lane `l` that is not settled: the others wait for it. */
export const isFirst = sql<boolean>`(m.settled_at is null and not exists (
  select from wechat.inbound_message earlier
  where earlier.app_id = l.app_id and earlier.openid = l.openid and earlier.slot = l.slot and earlier.id > l.done_id
    and earlier.id < m.id and earlier.settled_at is null))`;
