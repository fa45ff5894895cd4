import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { steadyPool } from '../../src/worker/steady-pool.js';
import { createTestDatabase } from '../support/database.js';
import { setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

test('a worker whose first look for jobs fails looks again', async () => {
  const { database, simulator, start } = await setStage();
  const ingress = await start({ role: 'ingress' });
  await simulator.user('oUser').say('hello');
  await ingress.stop();
  await database.pool.query(`
    create function public.refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$;
    create trigger refuse before insert on graphile_worker._private_tasks execute function public.refuse()`);
  const worker = await start({ role: 'worker' });
  const ended = () => worker.logged.filter(({ event }) => event === 'runner_ended').length;
  await waitFor('the job runner to fail twice', () => ended() >= 2);
  expect(simulator.inboxOf('oUser')).toEqual([]);

  await database.pool.query('drop trigger refuse on graphile_worker._private_tasks');
  expect(await simulator.waitForDelivered('oUser', 1)).toHaveLength(1);
});

test('while Postgres starts up, graphile-worker is not told so: it would sleep for minutes', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(errorResponse({ S: 'FATAL', C: '57P03', M: 'starting up' })));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres' });
  onTestFinished(() => pool.end());

  await expect(pool.connect()).rejects.toMatchObject({ code: '57P03' });
  const error = await steadyPool(pool)
    .connect()
    .then(
      () => undefined,
      (reason) => reason,
    );
  expect(error).toMatchObject({ message: 'starting up' });
  expect(error).not.toHaveProperty('code');
});

test('a listener that gives its connection back twice does no harm', async () => {
  const { pool, drop } = await createTestDatabase();
  onTestFinished(drop);
  const client = await new Promise<pg.PoolClient>((resolve) => {
    steadyPool(pool).connect((_error, connected, release) => {
      release();
      release();
      if (connected) resolve(connected);
    });
  });
  expect(() => client.release()).toThrow('already been released');
  expect(pool.idleCount).toBe(1);
});

/** As on the wire: each field a letter and a text that ends with NUL. */
function errorResponse(fields: Record<string, string>): Buffer {
  const body = Object.entries(fields)
    .map(([letter, text]) => `${letter}${text}\0`)
    .join('');
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length + 1);
  return Buffer.concat([Buffer.from('E'), length, Buffer.from(`${body}\0`)]);
}
