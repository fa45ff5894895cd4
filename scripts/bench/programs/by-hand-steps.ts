/** What one would write by hand on graphile-worker, as it comes: a transaction and a job a message. */
import type pg from 'pg';
import { sendHello } from './send-hello.ts';
import type { Fields } from './webhook.ts';

/** The message and its job, in a transaction of their own. */
export async function storeWithJob(pool: pg.Pool, message: Fields): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ id: string }>({
      name: 'insert',
      text: `insert into by_hand.message (dedupe_key, openid, msg_type, content, created_at, payload)
             values ($1, $2, $3, $4, to_timestamp($5), $6) on conflict do nothing returning id`,
      values: [
        message.MsgId,
        message.FromUserName,
        message.MsgType,
        message.Content,
        Number(message.CreateTime),
        JSON.stringify(message),
      ],
    });
    if (rows[0]) {
      await client.query({
        name: 'add-job',
        text: `select graphile_worker.add_job('reply', json_build_object('id', $1::bigint))`,
        values: [rows[0].id],
      });
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** The message is read before the call, its row updated and the attempt recorded after it. */
export async function reply(pool: pg.Pool, payload: unknown): Promise<void> {
  const { id } = payload as { id: string };
  const { rows } = await pool.query<{ openid: string }>({
    name: 'read',
    text: 'select openid from by_hand.message where id = $1',
    values: [id],
  });
  const { startedAt, errcode } = await sendHello(rows[0]?.openid);
  await pool.query({
    name: 'update',
    text: `update by_hand.message set status = 'sent', sent_at = now() where id = $1`,
    values: [id],
  });
  await pool.query({
    name: 'attempt',
    text: 'insert into by_hand.attempt (message_id, started_at, errcode) values ($1, $2, $3)',
    values: [id, startedAt, errcode],
  });
}
