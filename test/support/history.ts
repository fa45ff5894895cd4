import type { Pool } from 'pg';

/** What a user sent once, and what came of it; times are counted from the full hour. */
export interface Told {
  openid: string;
  hoursAgo: number;
  minutes?: number;
  /** Of a text message. */
  text?: string;
  /** Default: `text`, or `event` where there is one. */
  type?: string;
  event?: string;
  eventKey?: string;
  /** Default: settled. */
  status?: 'received' | 'settled' | 'failed';
  error?: string;
  replies?: readonly ToldReply[];
}

export interface ToldReply {
  text: string;
  /** Default: sent. */
  status?: 'sent' | 'failed' | 'expired';
  /** From the message to the end of the last attempt; default 1. */
  seconds?: number;
  errcode?: number;
  errmsg?: string;
  /** Attempts before the last one. */
  before?: readonly { outcome: string; errcode?: number }[];
}

/** Writes a history down as the service would have, oldest first. */
export async function tell(pool: Pool, appId: string, history: readonly Told[]): Promise<void> {
  for (const [index, message] of history.entries()) {
    const { openid, hoursAgo, minutes = 0, text, event, eventKey, status = 'settled', error } = message;
    const type = message.type ?? (event ? 'event' : 'text');
    const { rows } = await pool.query<{ id: string; at: Date }>(
      `insert into wechat.inbound_message
         (app_id, dedupe_key, openid, msg_type, event, event_key, content, created_at, received_at, payload, status,
          settled_at, error)
       select $1, $2, $3, $4, $5, $6, $7, at, at, jsonb_build_object('FromUserName', $3::text), $8::text,
         case when $8 <> 'received' then at + interval '1 second' end, $9
       from (select date_trunc('hour', now()) - $10 * interval '1 hour' + $11 * interval '1 minute' as at) as told
       returning id, received_at as at`,
      [appId, `told:${index}`, openid, type, event, eventKey, text, status, error, hoursAgo, minutes],
    );
    const [stored] = rows;
    if (status === 'received') await putInLane(pool, appId, openid, stored);
    for (const [place, reply] of (message.replies ?? []).entries())
      await tellReply(pool, appId, openid, stored, place + 1, reply);
  }
}

/** As when it arrived: in a lane that nobody holds. */
async function putInLane(
  pool: Pool,
  appId: string,
  openid: string,
  message: { id: string; at: Date } | undefined,
): Promise<void> {
  await pool.query(
    `insert into wechat.lane as l (app_id, openid, arrivals, waiting, waiting_since, done_id)
     values ($1, $2, 1, 1, $3, $4::bigint - 1)
     on conflict (app_id, openid, slot) do update set arrivals = l.arrivals + 1, waiting = l.waiting + 1`,
    [appId, openid, message?.at, message?.id],
  );
}

async function tellReply(
  pool: Pool,
  appId: string,
  openid: string,
  message: { id: string; at: Date } | undefined,
  position: number,
  { text, status = 'sent', seconds = 1, errcode, errmsg, before = [] }: ToldReply,
): Promise<void> {
  const attempts = [...before, { outcome: status === 'sent' ? 'sent' : 'permanent', errcode: errcode ?? 0 }];
  await pool.query(
    `with reply as (
       insert into wechat.delivery
         (message_id, position, app_id, openid, msg_type, payload, status, attempts, errcode, errmsg, created_at, sent_at)
       values ($1, $2, $3, $4, 'text', $5, $6, cardinality($9::text[]), $7, $8, $11::timestamptz + interval '0.1 s',
         case when $6 = 'sent' then $11 + $12 * interval '1 s' end)
       returning id)
     insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, errcode, errmsg)
     select reply.id, number, $11 + interval '0.1 s', $11 + $12 * interval '1 s', outcome, code,
       case when number = cardinality($9::text[]) then $8 end
     from reply, unnest($9::text[], $10::int[]) with ordinality as attempt (outcome, code, number)`,
    [
      message?.id,
      position,
      appId,
      openid,
      JSON.stringify({ msgtype: 'text', text: { content: text } }),
      status,
      errcode ?? (status === 'sent' ? 0 : null),
      errmsg,
      attempts.map(({ outcome }) => outcome),
      attempts.map((attempt) => attempt.errcode ?? null),
      message?.at,
      seconds,
    ],
  );
}

/**
 * A year of answered messages, in the order of their time: of a table so large, no question may read all.
 * The last is a minute old, since an export leaves out what is younger than some seconds.
 */
export async function storeYear(pool: Pool, appId: string, count: number): Promise<void> {
  await pool.query(
    `with message as (
       insert into wechat.inbound_message
         (app_id, dedupe_key, openid, msg_type, event, event_key, content, created_at, received_at, payload, status,
          settled_at)
       select $1, 'year:' || n, 'o' || n % 3000, case when n % 10 = 0 then 'event' else 'text' end,
         case when n % 10 = 0 then (array['subscribe', 'click', 'view', 'unsubscribe'])[n / 10 % 4 + 1] end,
         case when n % 10 = 0 then 'KEY' || n % 7 end, case when n % 10 > 0 then 'question ' || n % 500 end, at, at,
         jsonb_build_object('FromUserName', 'o' || n % 3000, 'MsgType', 'text', 'MsgId', n::text), 'settled',
         at + interval '1 second'
       from generate_series(1, $2::int) n,
            lateral (select now() - interval '1 minute' - interval '1 year' + n * interval '1 year' / $2::int as at)
              as sent
       order by n
       returning id, openid, created_at
     ),
     reply as (
       insert into wechat.delivery
         (message_id, position, app_id, openid, msg_type, payload, status, attempts, errcode, created_at, sent_at)
       select id, 1, $1, openid, 'text', '{"msgtype":"text","text":{"content":"answer"}}',
         case when id % 50 = 0 then 'failed' else 'sent' end, 1, case when id % 50 = 0 then 45002 else 0 end,
         created_at, case when id % 50 <> 0 then created_at + interval '1 second' end
       from message order by id
       returning id, status, errcode, created_at
     )
     insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, errcode)
     select id, 1, created_at, created_at, case status when 'sent' then 'sent' else 'permanent' end, errcode from reply`,
    [appId, count],
  );
  for (const table of ['inbound_message', 'delivery', 'delivery_attempt'])
    await pool.query(`vacuum (analyze) wechat.${table}`);
}
