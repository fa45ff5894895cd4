import { type Arrival, createArrive } from '#src/outbox/arrive.js';
import type { Lab } from './lab.ts';
import { account } from './pushes.ts';

const question = '你好，请问怎么退款？';

const groupSize = 200;

/** Stores messages that wait for their answers, by the ingress's own statement and in groups of its size. */
export async function storeMessages(
  { pool }: Lab,
  count: number,
  users: number,
  appId = account.appId,
): Promise<void> {
  const arrive = createArrive(pool);
  for (let from = 1; from <= count; from += groupSize) {
    const numbers = Array.from({ length: Math.min(groupSize, count + 1 - from) }, (_, nth) => from + nth);
    await arrive(numbers.map((number) => toArrival(number, users, appId)));
  }
  await pool.query('vacuum (analyze) wechat.inbound_message, wechat.lane');
}

function toArrival(number: number, users: number, appId: string): Arrival {
  const createTime = Math.floor(Date.now() / 1_000);
  const openid = `o${number % users}`;
  const msgId = String(number);
  const fields = {
    ToUserName: 'gh_bench',
    FromUserName: openid,
    MsgType: 'text',
    CreateTime: String(createTime),
    Content: question,
    MsgId: msgId,
  };
  return {
    appId,
    ordered: true,
    message: { kind: 'text', toUserName: 'gh_bench', openid, createTime, content: question, msgId, fields },
    window: { endsAt: new Date((createTime + 48 * 3_600) * 1_000), quota: 5 },
  };
}

/** Whatever waits is settled as it is, so that nothing is left to do. */
export async function settleWaiting({ pool }: Lab): Promise<void> {
  await pool.query(
    `update wechat.inbound_message set status = 'settled', settled_at = now() where settled_at is null`,
  );
  await pool.query('truncate wechat.lane, graphile_worker._private_jobs');
  await pool.query('vacuum (analyze) wechat.inbound_message');
}

export async function lastMessageId({ pool }: Lab): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    'select coalesce(max(id), 0) as id from wechat.inbound_message',
  );
  return rows[0]?.id ?? '0';
}

/** Messages that came later than this one, with what they were answered. */
export async function deleteMessagesAfter({ pool }: Lab, id: string): Promise<void> {
  await pool.query(
    `with message as (delete from wechat.inbound_message where id > $1 returning id),
       delivery as (delete from wechat.delivery d using message m where d.message_id = m.id returning d.id)
     delete from wechat.delivery_attempt a using delivery d where a.delivery_id = d.id`,
    [id],
  );
}

/** The same for the limit program, which needs no jobs: in the first engine's tables. */
export async function storeMessagesBefore({ pool }: Lab, count: number, users: number): Promise<void> {
  await pool.query(
    `insert into before.inbound_message
       (app_id, dedupe_key, openid, msg_type, content, created_at, payload, window_ends_at, window_quota)
     select $1, 'msg:w' || n, 'o' || n % $3, 'text', '你好，请问怎么退款？', now(),
            jsonb_build_object('ToUserName', 'gh_bench', 'FromUserName', 'o' || n % $3, 'MsgType', 'text',
              'CreateTime', extract(epoch from now())::bigint::text, 'Content', '你好，请问怎么退款？', 'MsgId', n::text),
            now() + interval '48 hours', 5
     from generate_series(1, $2::int) n`,
    [account.appId, count, users],
  );
  await pool.query('vacuum (analyze) before.inbound_message');
}

/** Answered messages of long ago, with what was sent and every attempt; as many users as messages divided by 20. */
export async function storeHistory(
  { pool }: Lab,
  count: number,
  progress: (stored: number) => void,
): Promise<void> {
  const batch = 500_000;
  for (let from = 1; from <= count; from += batch) {
    const upTo = Math.min(count, from + batch - 1);
    await pool.query(
      `with message as (
         insert into wechat.inbound_message
           (app_id, dedupe_key, openid, msg_type, content, created_at, received_at, payload, status, settled_at,
            window_ends_at, window_quota)
         select $1, 'msg:h' || n, 'h' || n % ($4::int / 20 + 1), 'text', 'question ' || n, at, at,
                jsonb_build_object('FromUserName', 'h' || n % ($4::int / 20 + 1), 'MsgType', 'text', 'MsgId', n::text),
                'settled', at + interval '1 second', at + interval '48 hours', 5
         from generate_series($2::int, $3::int) n,
              lateral (select now() - interval '1 year' + n * interval '1 second' as at) as sent
         returning id, openid, created_at
       ),
       delivery as (
         insert into wechat.delivery
           (message_id, position, app_id, openid, msg_type, payload, status, attempts, errcode, created_at, sent_at)
         select id, 1, $1, openid, 'text', '{"msgtype":"text","text":{"content":"answer"}}', 'sent', 1, 0,
                created_at, created_at + interval '1 second'
         from message
         returning id, created_at
       )
       insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode)
       select id, 1, created_at, created_at, 'sent', 200, 0 from delivery`,
      [account.appId, from, upTo, count],
    );
    progress(upTo);
  }
  for (const table of ['inbound_message', 'delivery', 'delivery_attempt']) {
    await pool.query(`vacuum (analyze) wechat.${table}`);
  }
  await pool.query('checkpoint');
}
