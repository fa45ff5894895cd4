/**
 * What one would write by hand, on the same Koa, router, body parser and XML parser: checks the signature, parses, and
 * with STORE=yes stores each message with its job in a transaction of its own before it answers. As PROCESSES processes.
 */
import cluster from 'node:cluster';
import { createHash } from 'node:crypto';
import Router from '@koa/router';
import { XMLParser } from 'fast-xml-parser';
import Koa from 'koa';
import { koaBody } from 'koa-body';
import pg from 'pg';
import { serveHealth } from './health.ts';

const { DATABASE_URL, STORE, WECHAT_TOKEN = '', PORT, PROCESSES = '1' } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 });
const parser = new XMLParser({ parseTagValue: false });

async function store(message: Record<string, string>): Promise<void> {
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

const router = new Router();
router.post('/wechat', koaBody({ text: true, textTypes: ['*/*'], textLimit: '256kb' }), async (ctx) => {
  const { signature, timestamp, nonce } = ctx.query;
  const expected = createHash('sha1')
    .update([WECHAT_TOKEN, String(timestamp), String(nonce)].sort().join(''))
    .digest('hex');
  if (signature !== expected) ctx.throw(403);
  const { xml } = parser.parse(String(ctx.request.body)) as { xml: Record<string, string> };
  if (STORE === 'yes') await store(xml);
  ctx.status = 200;
  ctx.body = '';
});

if (cluster.isPrimary && Number(PROCESSES) > 1) {
  for (let index = 0; index < Number(PROCESSES); index += 1) cluster.fork();
  // Ends after them: who waits for its end must find nothing left running.
  process.once('SIGTERM', () => {
    for (const one of Object.values(cluster.workers ?? {})) one?.process.kill('SIGKILL');
  });
  cluster.on('exit', () => {
    if (Object.keys(cluster.workers ?? {}).length === 0) process.exit();
  });
} else {
  new Koa().use(router.routes()).listen(Number(PORT), '127.0.0.1', serveHealth);
}
