/**
 * What one would write by hand, on the same Koa, router, body parser and XML parser: checks the signature, parses, and
 * with STORE=yes stores each message with its job in a transaction of its own before it answers. As PROCESSES processes.
 */
import cluster from 'node:cluster';
import pg from 'pg';
import { storeWithJob } from './by-hand-steps.ts';
import { serveWebhook } from './webhook.ts';

const { DATABASE_URL, STORE, PROCESSES = '1' } = process.env;

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
  const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 });
  serveWebhook(async (message) => {
    if (STORE === 'yes') await storeWithJob(pool, message);
  });
}
