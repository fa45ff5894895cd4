import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { waitFor } from '../support/wait.js';
import { startCluster } from './support/cluster.js';
import { cpuSeconds } from './support/cpu.js';
import { play } from './support/play.js';

describe.skipIf(!inject('postgresBin'))('a stock server', () => {
  test('with JIT answers a burst in a moment, and an idle service leaves the machine alone', async () => {
    const cluster = await startCluster();
    await cluster.sql('create database wechat');
    expect(await cluster.sql('select pg_jit_available() as jit')).toEqual([{ jit: true }]);
    const { burst, ready, service } = await play({ databaseUrl: cluster.url('wechat') });
    const serverSeconds = async () => cpuSeconds(await cluster.postmaster());
    await burst(5);
    const before = await serverSeconds();
    const tookMs = await burst(60);
    // Of the server's time, for that of the clock is shared with whatever else runs here.
    const burstSeconds = (await serverSeconds()) - before;
    expect(await ready()).toMatchObject({ status: 200 });

    await sleep(2_000);
    const used = async () => (await serverSeconds()) + cpuSeconds(service.child.pid ?? 0);
    const [usedBefore, startedAt] = [await used(), performance.now()];
    await sleep(10_000);
    const cores = ((await used()) - usedBefore) / ((performance.now() - startedAt) / 1_000);
    process.stdout.write(
      `stock: a burst of 60 in ${Math.round(tookMs)} ms, ${burstSeconds.toFixed(2)} s of Postgres; idle: ${cores.toFixed(3)} of a core\n`,
    );
    expect(burstSeconds).toBeLessThan(1.5);
    expect(cores).toBeLessThan(0.1);
  });

  test('that lets the role have six connections does all the same, and the doctor tells what is too few', async () => {
    const cluster = await startCluster();
    await cluster.sql('create role few login connection limit 6');
    await cluster.sql('create database wechat owner few');
    const databaseUrl = cluster.url('wechat', 'few');
    const { burst, ready } = await play({ databaseUrl, settings: { DATABASE_CONNECTIONS: '6' } });
    for (let times = 0; times < 3; times += 1) await burst(60);
    expect(await ready()).toEqual({ status: 200, body: expect.stringContaining('connections: ok') });
    await waitFor('no more connections than allowed', async () => {
      const [row] = await cluster.sql(
        `select count(*)::int as used from pg_stat_activity where usename = 'few'`,
      );
      return Number(row?.used) <= 6;
    });
  });

  test('that refuses connections gets its answers out all the same, and the process says what to set', async () => {
    const cluster = await startCluster();
    await cluster.sql('create role few login connection limit 6');
    await cluster.sql('create database wechat owner few');
    const { burst, ready } = await play({ databaseUrl: cluster.url('wechat', 'few') });
    await waitFor('the refusals to be seen', async () => {
      await burst(60);
      const { status, body } = await ready();
      return status === 503 && /connections: .*refused .*DATABASE_CONNECTIONS/.test(body);
    });
  });

  test('that ends idle transactions does not end the renewal of a token', async () => {
    const cluster = await startCluster();
    await cluster.sql('create role impatient login superuser');
    await cluster.sql(`alter role impatient set idle_in_transaction_session_timeout = '2s'`);
    await cluster.sql('create database wechat owner impatient');
    const { simulator, burst } = await play({ databaseUrl: cluster.url('wechat', 'impatient') });
    simulator.faults.add({ path: '/cgi-bin/stable_token', fault: { delayMs: 5_000 } });
    await burst(1);
    expect(simulator.calls.filter(({ path }) => path === '/cgi-bin/stable_token')).toHaveLength(1);
  });

  test('that speaks German and lives in Shanghai is understood', async () => {
    const cluster = await startCluster();
    await cluster.sql('create database wechat');
    for (const setting of [
      `"DateStyle" = 'German, DMY'`,
      `"TimeZone" = 'Asia/Shanghai'`,
      `"IntervalStyle" = 'iso_8601'`,
      `default_transaction_isolation = 'serializable'`,
      `statement_timeout = '100ms'`,
    ])
      await cluster.sql(`alter database wechat set ${setting}`);
    // Where the system knows the language.
    await cluster.sql(`alter database wechat set lc_messages = 'de_DE.UTF-8'`).catch(() => undefined);
    const { burst, ready } = await play({ databaseUrl: cluster.url('wechat') });
    await burst(20);
    expect(await ready()).toMatchObject({ status: 200 });
    await waitFor('all to be settled', async () => {
      const rows = await cluster.sql(
        `select count(*)::int as open from wechat.inbound_message where settled_at is null`,
        'wechat',
      );
      return rows[0]?.open === 0;
    });
    expect(
      await cluster.sql(
        `select count(*)::int as wrong from wechat.inbound_message
         where settled_at not between received_at and now() or received_at < now() - interval '5 minutes'`,
        'wechat',
      ),
    ).toEqual([{ wrong: 0 }]);
  });
});
