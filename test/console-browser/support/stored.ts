import type { TestDatabase } from '../../support/database.js';

/** So many users whose one answer WeChat refused with this code, while their window is still open. */
export async function storeFailures(
  database: TestDatabase,
  appId: string,
  { code, count }: { code: number; count: number },
): Promise<void> {
  await database.rows(
    `with message as (
       insert into wechat.inbound_message
         (app_id, openid, dedupe_key, msg_type, content, payload, created_at, window_ends_at, window_quota, status, settled_at)
       select $1, 'o' || $2 || '-' || n, 'k' || $2 || '-' || n, 'text', 'hi', '{}', now(), now() + interval '1 day', 5,
         'settled', now()
       from generate_series(1, $3::int) n returning id, openid)
     insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, attempts, errcode)
     select id, 1, $1, openid, 'text', '{"msgtype":"text","text":{"content":"late answer"}}', 'failed', 1, $2::int
     from message`,
    [appId, String(code), count],
  );
}
