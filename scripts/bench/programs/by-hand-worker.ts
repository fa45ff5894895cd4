/**
 * What one would write by hand on graphile-worker: one job a message; the message is read before the call, its row
 * updated and the attempt recorded after it. Concurrency 24, the rest as graphile-worker has it.
 */
import { run } from 'graphile-worker';
import pg from 'pg';
import { request } from 'undici';
import { serveHealth } from './health.ts';

const { DATABASE_URL, WECHAT_API_BASE } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 24 });
pool.on('error', () => undefined);
pool.on('connect', (client) => client.on('error', () => undefined));

async function reply(payload: unknown): Promise<void> {
  const { id } = payload as { id: string };
  const { rows } = await pool.query<{ openid: string }>({
    name: 'read',
    text: 'select openid from by_hand.message where id = $1',
    values: [id],
  });
  const startedAt = new Date();
  const { body } = await request(`${WECHAT_API_BASE}/cgi-bin/message/custom/send?access_token=bench`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ touser: rows[0]?.openid, msgtype: 'text', text: { content: 'hello' } }),
  });
  const { errcode } = (await body.json()) as { errcode: number };
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

await run({ pgPool: pool, concurrency: 24, noHandleSignals: true, taskList: { reply } });
serveHealth();
