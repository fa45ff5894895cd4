import type { Lab } from './lab.ts';
import { account } from './pushes.ts';

/** Stores messages that wait for their answers, as the ingress does: with their jobs, in groups of 200. */
export async function storeMessages({ pool }: Lab, count: number, users: number): Promise<void> {
  await pool.query(
    `insert into wechat.inbound_message
       (app_id, dedupe_key, openid, msg_type, content, created_at, payload, window_ends_at, window_quota)
     select $1, 'msg:w' || n, 'o' || n % $3, 'text', '你好，请问怎么退款？', now(),
            jsonb_build_object('ToUserName', 'gh_bench', 'FromUserName', 'o' || n % $3, 'MsgType', 'text',
              'CreateTime', extract(epoch from now())::bigint::text, 'Content', '你好，请问怎么退款？', 'MsgId', n::text),
            now() + interval '48 hours', 5
     from generate_series(1, $2::int) n`,
    [account.appId, count, users],
  );
  await pool.query(
    `select count(wechat.add_answer_jobs(ids, urgent, run_at)) from (
       select array_agg(id) as ids, array_agg(false) as urgent, array_agg(now()) as run_at
       from wechat.inbound_message where settled_at is null group by id / 200) as part`,
  );
  await pool.query('vacuum (analyze) wechat.inbound_message');
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
