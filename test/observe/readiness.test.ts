import Router from '@koa/router';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../src/db/ports.js';
import { serve } from '../../src/lib/serve.js';
import { createMetrics } from '../../src/observe/metrics.js';
import type { ReadinessCheck } from '../../src/observe/readiness.js';
import { createAdmin } from '../../src/service/admin.js';
import { setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

interface Readiness {
  ready: boolean;
  checks: Record<string, { ok: boolean; error?: string; warning?: string }>;
}

async function readyz(adminUrl: string): Promise<{ status: number; body: Readiness }> {
  const response = await fetch(`${adminUrl}/readyz`, { headers: { accept: 'application/json' } });
  expect(response.headers.get('content-type')).toContain('application/json');
  return { status: response.status, body: (await response.json()) as Readiness };
}

test('readiness names each check, and fails for one alone: a pause warns, a read-only database and a lost worker fail', async () => {
  const { database, start } = await setStage();
  const { adminUrl } = await start();
  const ok = { ok: true };
  const allOk = {
    ...{ process: ok, database: ok, writable: ok, accounts: ok, migrations: ok, connections: ok },
    ...{ worker: ok, webhook: ok, inbox: ok },
  };
  expect(await readyz(adminUrl)).toEqual({ status: 200, body: { ready: true, checks: allOk } });
  expect(await (await fetch(`${adminUrl}/readyz?format=json`)).json()).toEqual({
    ready: true,
    checks: allOk,
  });

  await database.pool.query(`select wechat.pause('wx-another', 'moving')`);
  const paused = await readyz(adminUrl);
  expect(paused.status).toBe(200);
  expect(paused.body.checks.accounts).toEqual({
    ok: true,
    warning: expect.stringContaining('wx-another rests since'),
  });
  await database.pool.query('delete from wechat.account_pause');

  // Its sign of life comes every two seconds, and would soon undo this.
  const worker = await waitFor('the silence to be seen', async () => {
    await database.pool.query(
      `update wechat.worker_process set heartbeat_at = now() - interval '30 seconds'`,
    );
    const { status, body } = await readyz(adminUrl);
    return status === 503 && body;
  });
  expect(worker).toEqual({
    ready: false,
    checks: {
      ...allOk,
      worker: { ok: false, error: expect.stringMatching(/worker \d+ gave no sign of life/) },
    },
  });

  const { rows } = await database.pool.query<{ name: string }>('select current_database() as name');
  await database.pool.query(`alter database ${rows[0]?.name} set default_transaction_read_only = on`);
  // New connections have it so.
  await database.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'wechat-outbox admin'`,
  );
  const readOnly = await waitFor('the read-only connection', async () => {
    const { status, body } = await readyz(adminUrl);
    // The first look may still meet a connection that was ended.
    const isSeen = body.checks.writable?.error?.includes('takes no writes') && body.checks.database?.ok;
    return status === 503 && isSeen && body;
  });
  expect(readOnly.ready).toBe(false);
});

test('a process is ready when all of it is, and none any more from the moment that it is told to stop', async () => {
  const { database, simulator, start } = await setStage();
  const adminUrl = `http://127.0.0.1:${await freePort()}`;
  let finish = () => {};
  const held = new Promise<void>((resolve) => (finish = resolve));
  let isRunning = false;
  const replies = async () => {
    isRunning = true;
    await held;
    return 'late';
  };
  // The worker cannot register while this lasts.
  const blocker = await database.pool.connect();
  await blocker.query('begin; lock table wechat.worker_process');
  const starting = start({ replies, settings: { ADMIN_PORT: new URL(adminUrl).port } });
  const before = await waitFor('health', () => readyz(adminUrl).catch(() => undefined));
  expect(before).toMatchObject({
    status: 503,
    body: {
      checks: {
        worker: { ok: false, error: 'the worker has not started yet' },
        webhook: { ok: false, error: 'its port does not listen yet' },
        inbox: { ok: false },
      },
    },
  });
  const ready = waitFor('readiness', async () => (await readyz(adminUrl)).status === 200);
  await blocker.query('commit');
  blocker.release();
  await ready;
  const service = await starting;
  expect((await readyz(adminUrl)).status).toBe(200);

  await simulator.user('oUser').say('hello');
  await waitFor('the reply logic to run', () => isRunning);
  const stopping = service.stop();
  const { status, body } = await readyz(adminUrl);
  expect(status).toBe(503);
  expect(body.checks.process).toEqual({ ok: false, error: 'it is stopping' });
  finish();
  await stopping;
});

test('readiness waits for no check for ever, and keeps secrets out of what the checks say', async () => {
  const checks: Record<string, ReadinessCheck> = {
    hanging: () => new Promise(() => undefined),
    database: async () => {
      throw new Error(
        'cannot connect to postgres://wechat:hunter2@db.example.com:5432/wechat?password=hunter2',
      );
    },
    accounts: async () => ({ warning: 'GET https://api.example.com/?access_token=hunter2&x=1 failed' }),
    many: () => Promise.reject(new AggregateError([new Error('connect ECONNREFUSED ::1:5432')])),
    fine: async () => undefined,
  };
  const admin = createAdmin({
    metrics: createMetrics([]),
    refreshMetrics: async () => undefined,
    checks,
    extra: new Router(),
  });
  const server = await serve(admin, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  expect(await readyz(`http://127.0.0.1:${server.port}`)).toEqual({
    status: 503,
    body: {
      ready: false,
      checks: {
        hanging: { ok: false, error: 'no response within 3000 ms' },
        database: {
          ok: false,
          error: 'cannot connect to postgres://[hidden]@db.example.com:5432/wechat?password=[hidden]',
        },
        accounts: { ok: true, warning: 'GET https://api.example.com/?access_token=[hidden]&x=1 failed' },
        many: { ok: false, error: 'connect ECONNREFUSED ::1:5432' },
        fine: { ok: true },
      },
    },
  });
});
