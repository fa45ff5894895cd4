import type { Pool } from '../../../db/pool.js';
import type { ConversationEvent } from '../../contract/conversations.js';

/** Of conversations that changed since the last look, each once for each kind of change. */
export type Changes = readonly ConversationEvent[];

/** More are not told one by one: whoever shows so many looks at what they see. */
const mostEach = 200;

const endsSql = `
  select (select coalesce(max(id), 0)::text from wechat.inbound_message) as message,
    (select coalesce(max(id), 0)::text from wechat.delivery) as delivery, clock_timestamp() as at`;

/** By id, and by the BRIN index on the start of attempts: what is read is what came since the last look. */
const changesSql = `
  (select distinct app_id as account, openid, 'message' as what
   from (select app_id, openid from wechat.inbound_message where id > $1 order by id desc limit ${mostEach}) m)
  union all
  (select distinct app_id, openid, 'delivery'
   from (select app_id, openid from wechat.delivery where id > $2 order by id desc limit ${mostEach}) d)
  union all
  -- A call under way ends within the minute. Of those who are with a person only: their page shows each word's way.
  (select distinct d.app_id, d.openid, 'delivery'
   from wechat.delivery_attempt a
   join wechat.delivery d on d.id = a.delivery_id
   join wechat.handover h on h.app_id = d.app_id and h.openid = d.openid
   where exists (select from wechat.handover)
     and a.started_at > $3::timestamptz - interval '1 minute' and a.finished_at > $3::timestamptz - interval '2 seconds'
   limit ${mostEach})
  union all
  (select app_id, openid, 'handover' from wechat.handover
   where greatest(requested_at, taken_at, last_word_at) > $3::timestamptz - interval '2 seconds' limit ${mostEach})
  union all
  (select distinct app_id, openid, 'handover' from wechat.handover_history
   where ended_at > $3::timestamptz - interval '2 seconds' limit ${mostEach})`;

interface Ends {
  message: string;
  delivery: string;
  at: Date;
}

/** After a pause, when nobody listened, a look tells of nothing: whoever comes reads all there is first. */
const staleMs = 60_000;

export function createChanges(pool: Pool): () => Promise<Changes> {
  let seen: Ends | undefined;
  return async () => {
    const before = seen;
    const { rows } = await pool.query<Ends>(endsSql);
    seen = rows[0];
    if (!before || !seen || seen.at.getTime() - before.at.getTime() > staleMs) return [];
    const found = await pool.query<ConversationEvent>(changesSql, [
      before.message,
      before.delivery,
      before.at,
    ]);
    const told = new Map(found.rows.map((one) => [`${one.what} ${one.account} ${one.openid}`, one]));
    return [...told.values()];
  };
}
