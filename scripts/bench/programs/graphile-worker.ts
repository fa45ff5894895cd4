/** The webhook and the worker by hand on graphile-worker, in one process; with ROLE=ingress the webhook alone. */
import { run } from 'graphile-worker';
import pg from 'pg';
import { reply, storeWithJob } from './by-hand-steps.ts';
import { serveWebhook } from './webhook.ts';

const { DATABASE_URL, ROLE } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 });
pool.on('error', () => undefined);
pool.on('connect', (client) => client.on('error', () => undefined));

if (ROLE === 'all') {
  // Its own connections, so that neither role waits for the other's.
  const own = new pg.Pool({ connectionString: DATABASE_URL, max: 24 });
  own.on('error', () => undefined);
  own.on('connect', (client) => client.on('error', () => undefined));
  const taskList = { reply: (payload: unknown) => reply(own, payload) };
  await run({ pgPool: own, concurrency: 24, noHandleSignals: true, taskList });
}
serveWebhook((message) => storeWithJob(pool, message));
