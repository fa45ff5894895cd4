import type { PoolClient } from 'pg';

/** Days that were over an hour ago: of others nothing is counted yet. The same as in the triggers of migrations/0017_figures.sql. */
export const isOver = (at: string) => `${at} < date_trunc('day', now() - interval '1 hour', 'Asia/Shanghai')`;

/** Has the days of these messages and of their deliveries counted again, for they came or changed by no update. */
export async function noteDays(client: PoolClient, ids: readonly string[]): Promise<void> {
  await client.query(
    `insert into wechat.changed_day (day)
     select wechat.china_day(m.received_at) from wechat.inbound_message m
     where m.id = any($1::bigint[]) and ${isOver('m.received_at')}
     union
     select wechat.china_day(d.created_at) from wechat.delivery d
     where d.message_id = any($1::bigint[]) and ${isOver('d.created_at')}`,
    [ids],
  );
}
