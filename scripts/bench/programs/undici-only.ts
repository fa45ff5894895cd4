/** Posts MESSAGES bodies as the worker does, and nothing else: no queue, no database, no record. */
import { Pool } from 'undici';
import { serveHealth } from './health.ts';

const { WECHAT_API_BASE = '', MESSAGES } = process.env;
const pool = new Pool(WECHAT_API_BASE, { connections: 64, pipelining: 1 });

let left = Number(MESSAGES);

async function post(): Promise<void> {
  while (left > 0) {
    left -= 1;
    const { body } = await pool.request({
      path: '/cgi-bin/message/custom/send?access_token=bench',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ touser: `o${left}`, msgtype: 'text', text: { content: 'hello' } }),
    });
    await body.json();
  }
}

serveHealth();
await Promise.all(Array.from({ length: 64 }, post));
