import Router from '@koa/router';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createPool } from '../../src/db/pool.js';
import { serve } from '../../src/lib/serve.js';
import { createDatabaseGauges } from '../../src/observe/database-gauges.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { readSnapshot, type Snapshot } from '../../src/observe/snapshot.js';
import { createAdmin } from '../../src/service/admin.js';
import { createTestDatabase } from '../support/database.js';
import { createLanes } from '../support/lanes.js';
import { sampleValue, scrape } from '../support/scrape.js';
import { waitFor } from '../support/wait.js';

const nothing: Snapshot = { backlog: [], handovers: [], tokens: [], workersAlive: 0 };

/** The admin side alone, with gauges that read so. */
async function serveGauges(read: () => Promise<Snapshot>, times: { waitMs?: number; keepMs?: number } = {}) {
  const metrics = createMetrics(['wxOne']);
  const { refresh } = createDatabaseGauges({ metrics, read, ...times });
  const admin = createAdmin({ metrics, refreshMetrics: refresh, checks: {}, extra: new Router() });
  const server = await serve(admin, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return `http://127.0.0.1:${server.port}`;
}

describe('the gauges of the database', () => {
  test('tell of the backlog by account and state, its age, tokens and workers', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const adminUrl = await serveGauges(() => readSnapshot(database.pool));
    const lanes = createLanes(database.pool, { appId: 'wxOne' });
    for (const name of ['Ready', 'Claimed', 'Delayed', 'Done']) await lanes.say(`o${name}`);
    await lanes.say('oReady', 'again');
    await createLanes(database.pool, { appId: 'wx-gone' }).say('oOther');
    const worker = await lanes.worker();
    await worker.take('oClaimed');
    await worker.answer('oDone');
    await database.pool.query(`
      insert into wechat.worker_process (hostname, pid, heartbeat_at) values ('here', 2, now() - interval '1 minute');
      insert into wechat.credential (app_id, kind, value, expires_at)
      values ('wxOne', 'access_token', 'T0KEN', now() + interval '1 hour'), ('wx-gone', 'access_token', 'T0KEN', now());
      insert into wechat.handover (app_id, openid, agent, taken_at, external, requested_at)
      values ('wxOne', 'oWaits', null, null, null, now() - interval '10 minutes'), ('wxOne', 'oAsked', null, null, null, now()),
        ('wxOne', 'oTaken', 'ben', now(), null, now() - interval '1 hour'),
        ('wxOne', 'oTencent', null, null, 'kf@one', now()), ('wx-gone', 'oWaits', null, null, null, now());
      update wechat.lane set due_at = now() + interval '1 hour', waiting_since = now() - interval '5 minutes'
      where openid = 'oDelayed'`);
    const samples = await scrape(adminUrl);
    expect(sampleValue(samples, 'wechat_outbox_database_up')).toBe(1);
    const backlog = samples.filter(({ name }) => name === 'wechat_outbox_backlog');
    expect(backlog.map(({ labels, value }) => [labels.account, labels.state, value])).toEqual([
      ['wxOne', 'ready', 2],
      ['wxOne', 'claimed', 1],
      ['wxOne', 'delayed', 1],
      ['other', 'ready', 1],
    ]);
    const oldest = sampleValue(samples, 'wechat_outbox_oldest_unsettled_seconds', { account: 'wxOne' });
    expect(oldest).toBeGreaterThan(299);
    expect(oldest).toBeLessThan(360);
    const handovers = samples.filter(({ name }) => name === 'wechat_outbox_handovers');
    expect(handovers.map(({ labels, value }) => [labels.account, labels.state, value])).toEqual([
      ['wxOne', 'waiting', 2],
      ['wxOne', 'taken', 1],
      ['wxOne', 'external', 1],
      ['other', 'waiting', 1],
    ]);
    const waits = sampleValue(samples, 'wechat_outbox_oldest_handover_seconds', { account: 'wxOne' });
    expect(waits).toBeGreaterThan(599);
    expect(waits).toBeLessThan(700);
    const tokens = samples.filter(({ name }) => name === 'wechat_outbox_token_expires_seconds');
    expect(tokens.map(({ labels }) => labels.account)).toEqual(['wxOne']);
    expect(tokens[0]?.value).toBeGreaterThan(3_500);
    expect(tokens[0]?.value).toBeLessThanOrEqual(3_600);
    expect(sampleValue(samples, 'wechat_outbox_workers_alive')).toBe(1);
    expect(samples.filter(({ labels }) => labels.account === 'wx-gone')).toEqual([]);
  });

  test('say of the backlog what wechat.backlog says, of the lanes alone', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const plan = await database.rows<{ 'QUERY PLAN': string }>('explain select * from wechat.backlog()');
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('on lane');
    expect(text).not.toMatch(/message|delivery/);
  });

  test('cost many scrapers one look, and are looked at anew in time', async () => {
    let looks = 0;
    const read = async () => {
      looks += 1;
      return { ...nothing, workersAlive: looks };
    };
    const adminUrl = await serveGauges(read, { keepMs: 2_000 });
    const scrapes = await Promise.all(Array.from({ length: 20 }, () => scrape(adminUrl)));
    expect(looks).toBe(1);
    for (const samples of scrapes) expect(sampleValue(samples, 'wechat_outbox_workers_alive')).toBe(1);
    await waitFor(
      'another look',
      async () => sampleValue(await scrape(adminUrl), 'wechat_outbox_workers_alive') === 2,
    );
  });

  test('are absent while the database is away, and the scrape answers', async () => {
    const pool = createPool({
      connectionString: 'postgres://nobody:secret@127.0.0.1:1/nothing',
      name: 'test',
      max: 1,
      statementTimeoutMs: 1_000,
      onError: () => undefined,
    });
    onTestFinished(() => pool.end());
    const adminUrl = await serveGauges(() => readSnapshot(pool));
    expectAbsent(await scrape(adminUrl), { up: 0 });
  });

  test('are absent when the database does not answer in time, and come back with it', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const read = () => answered.then(() => nothing);
    const adminUrl = await serveGauges(read, { waitMs: 100, keepMs: 0 });
    const startedAt = performance.now();
    expectAbsent(await scrape(adminUrl), { up: 0 });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    answer();
    const samples = await waitFor('the gauges', async () => {
      const seen = await scrape(adminUrl);
      return sampleValue(seen, 'wechat_outbox_database_up') === 1 && seen;
    });
    expect(sampleValue(samples, 'wechat_outbox_backlog', { account: 'wxOne', state: 'ready' })).toBe(0);
    expect(sampleValue(samples, 'wechat_outbox_oldest_unsettled_seconds')).toBe(0);
  });

  test('a count that takes too long is cut off by Postgres, and is no outage', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const client = await database.pool.connect();
    await client.query('begin; lock table wechat.lane in access exclusive mode');
    const adminUrl = await serveGauges(() => readSnapshot(database.pool, 100), { keepMs: 0 });
    expectAbsent(await scrape(adminUrl), { up: 1 });
    await client.query('rollback');
    client.release();
    // The time limit was that statement's alone, and its connection is as good as before.
    await waitFor('the gauges', async () =>
      (await scrape(adminUrl)).some(({ name }) => name === 'wechat_outbox_backlog'),
    );
    expect(await database.rows('show statement_timeout')).toEqual([{ statement_timeout: '0' }]);
  });
});

function expectAbsent(samples: Awaited<ReturnType<typeof scrape>>, { up }: { up: number }): void {
  expect(sampleValue(samples, 'wechat_outbox_database_up')).toBe(up);
  const fromDatabase = /backlog|oldest|token_expires|workers_alive/;
  expect(samples.filter(({ name }) => fromDatabase.test(name))).toEqual([]);
  expect(sampleValue(samples, 'nodejs_eventloop_lag_seconds')).toBeDefined();
}
