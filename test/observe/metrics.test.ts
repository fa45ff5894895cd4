import Router from '@koa/router';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createPool } from '../../src/db/pool.js';
import { serve } from '../../src/lib/serve.js';
import { createDatabaseGauges } from '../../src/observe/database-gauges.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { readSnapshot, type Snapshot } from '../../src/observe/snapshot.js';
import { createAdmin } from '../../src/service/admin.js';
import { sampleValue, scrape } from '../support/scrape.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const nothing: Snapshot = { backlog: [], tokens: [], workersAlive: 0 };

/** The admin side alone, with gauges that read so. */
async function serveGauges(read: () => Promise<Snapshot>, times: { waitMs?: number; keepMs?: number } = {}) {
  const metrics = createMetrics(['wxOne']);
  const { refresh } = createDatabaseGauges({ metrics, read, ...times });
  const admin = createAdmin({ metrics, refreshMetrics: refresh, checks: {}, extra: new Router() });
  const server = await serve(admin, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return `http://127.0.0.1:${server.port}`;
}

describe('the counters', () => {
  test('tell of pushes and attempts, and fold what this version does not know', async () => {
    const { simulator, account, database, start } = await setStage();
    const { adminUrl } = await start({ replies: () => 'hi' });
    simulator.faults.add({ openid: 'oOdd', fault: { errcode: 99_123 } });
    simulator.faults.add({ openid: 'oBusy', fault: { errcode: -1 } });
    const pushed = await simulator.user('oUser').say('hello');
    await simulator.user('oUser').resend(pushed);
    await simulator.user('oOdd').say('hello');
    await simulator.user('oBusy').say('hello');
    await settled(database, 3);
    const samples = await waitFor('the last attempt', async () => {
      const seen = await scrape(adminUrl);
      const answered = sampleValue(seen, 'wechat_outbox_reply_duration_seconds_count');
      return answered === 3 && seen;
    });
    const base = { account: account.appId };
    const inbound = (result: string) =>
      sampleValue(samples, 'wechat_outbox_inbound_total', { ...base, type: 'text', result });
    expect(inbound('stored')).toBe(3);
    expect(inbound('duplicate')).toBe(1);
    const attempts = (outcome: string, errcode: string) =>
      sampleValue(samples, 'wechat_outbox_delivery_attempts_total', { ...base, outcome, errcode });
    expect(attempts('transient', '-1')).toBe(1);
    expect(attempts('sent', '0')).toBeGreaterThanOrEqual(2);
    expect(samples.filter(({ labels }) => labels.errcode === '99123')).toEqual([]);
    expect(samples.find(({ labels }) => labels.errcode === 'other')?.value).toBeGreaterThanOrEqual(1);
    // What has not happened yet is there as well: else its first time would be hidden from rate().
    expect(sampleValue(samples, 'wechat_outbox_inbound_total', { ...base, result: 'shed' })).toBe(0);
    expect(sampleValue(samples, 'wechat_outbox_token_refreshes_total', { ...base, result: 'error' })).toBe(0);
  });
});

describe('the gauges of the database', () => {
  test('tell of the backlog by account and state, its age, tokens and workers', async () => {
    const { simulator, account, database, start } = await setStage();
    const { adminUrl } = await start({ role: 'ingress' });
    for (const name of ['Ready', 'Claimed', 'Delayed', 'Other', 'Done'])
      await simulator.user(`o${name}`).say('hello');
    await database.pool.query(`
      insert into wechat.worker_process (hostname, pid, heartbeat_at)
      values ('here', 1, now()), ('here', 2, now() - interval '1 minute');
      insert into wechat.credential (app_id, kind, value, expires_at)
      values ('${account.appId}', 'access_token', 'T0KEN', now() + interval '1 hour'),
             ('wx-gone', 'access_token', 'T0KEN', now());
      update wechat.inbound_message set claimed_by = 1 where openid = 'oClaimed';
      update wechat.inbound_message set due_at = now() + interval '1 hour', received_at = now() - interval '5 minutes'
      where openid = 'oDelayed';
      update wechat.inbound_message set app_id = 'wx-gone' where openid = 'oOther';
      update wechat.inbound_message set status = 'settled', settled_at = now(), received_at = now() - interval '1 day'
      where openid = 'oDone'`);
    const samples = await scrape(adminUrl);
    expect(sampleValue(samples, 'wechat_outbox_database_up')).toBe(1);
    const backlog = samples.filter(({ name }) => name === 'wechat_outbox_backlog');
    expect(backlog.map(({ labels, value }) => [labels.account, labels.state, value])).toEqual([
      [account.appId, 'ready', 1],
      [account.appId, 'claimed', 1],
      [account.appId, 'delayed', 1],
      ['other', 'ready', 1],
    ]);
    const oldest = sampleValue(samples, 'wechat_outbox_oldest_unsettled_seconds', { account: account.appId });
    expect(oldest).toBeGreaterThan(299);
    expect(oldest).toBeLessThan(360);
    const tokens = samples.filter(({ name }) => name === 'wechat_outbox_token_expires_seconds');
    expect(tokens.map(({ labels }) => labels.account)).toEqual([account.appId]);
    expect(tokens[0]?.value).toBeGreaterThan(3_500);
    expect(tokens[0]?.value).toBeLessThanOrEqual(3_600);
    expect(sampleValue(samples, 'wechat_outbox_workers_alive')).toBe(1);
    expect(samples.filter(({ labels }) => labels.account === 'wx-gone')).toEqual([]);

    // The query is written for the index of unsettled messages: a long history must not slow it down.
    await database.pool.query(`
      insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, created_at, payload, status, settled_at)
      select 'wx', n::text, 'o' || n, 'text', now(), '{}', 'settled', now() from generate_series(1, 5000) n;
      analyze wechat.inbound_message`);
    const explained = await database.rows<{ 'QUERY PLAN': string }>(
      'explain select app_id, count(*), min(received_at) from wechat.inbound_message where settled_at is null group by 1',
    );
    expect(JSON.stringify(explained)).toContain('inbound_message_unsettled');
  });

  test('cost many scrapers one look, and are looked at anew in time', async () => {
    let looks = 0;
    const read = async () => {
      looks += 1;
      return { ...nothing, workersAlive: looks };
    };
    const adminUrl = await serveGauges(read, { keepMs: 3_000 });
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
    const { database } = await setStage();
    const client = await database.pool.connect();
    await client.query('begin; lock table wechat.inbound_message in access exclusive mode');
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
