/**
 * What one would write by hand on graphile-worker: one job a message; the message is read before the call, its row
 * updated and the attempt recorded after it. Concurrency 24, the rest as graphile-worker has it.
 */
import { run } from 'graphile-worker';
import pg from 'pg';
import { reply } from './by-hand-steps.ts';
import { serveHealth } from './health.ts';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 24 });
pool.on('error', () => undefined);
pool.on('connect', (client) => client.on('error', () => undefined));

const taskList = { reply: (payload: unknown) => reply(pool, payload) };
await run({ pgPool: pool, concurrency: 24, noHandleSignals: true, taskList });
serveHealth();
