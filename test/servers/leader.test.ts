import pg from 'pg';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { startTcpProxy } from '../../scripts/soak/tcp-proxy.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createServers, type Servers } from '../../src/db/servers.js';
import { keepConnection } from '../../src/worker/session-connection.js';
import { waitFor } from '../support/wait.js';
import { type Cluster, startCluster } from './support/cluster.js';
import { play } from './support/play.js';

async function startPair(): Promise<{ primary: Cluster; standby: Cluster }> {
  const primary = await startCluster();
  await primary.sql('create database wechat');
  return { primary, standby: await startCluster({ of: primary }) };
}

function openPool(connectionString: string, servers: Servers, max = 4): Pool {
  const pool = createPool({
    ...{ connectionString, servers, max },
    name: 'under-test',
    writes: true,
    statementTimeoutMs: 30_000,
    onError: () => undefined,
  });
  onTestFinished(() => pool.end());
  return pool;
}

const hostsUrl = (...clusters: readonly { port: number }[]) =>
  `postgres://postgres@${clusters.map(({ port }) => `127.0.0.1:${port}`).join(',')}/wechat?target_session_attrs=read-write`;

const portOf = async (pool: Pool) =>
  (await pool.query<{ port: number }>('select inet_server_port() as port')).rows[0]?.port;

const catchUp = async (primary: Cluster, standby: Cluster) => {
  const [position] = await primary.sql('select pg_current_wal_lsn() as lsn');
  await waitFor('the standby to have it all', async () => {
    const [row] = await standby.sql(
      `select pg_last_wal_replay_lsn() >= '${position?.lsn}'::pg_lsn as caught_up`,
    );
    return row?.caught_up === true;
  });
};

describe.skipIf(!inject('postgresBin'))('of several hosts', () => {
  test('the one that takes writes is taken, wherever it stands and whoever else does not answer', async () => {
    const { primary, standby } = await startPair();
    // It takes a connection and says nothing.
    const deaf = await startTcpProxy(() => [primary.port]);
    onTestFinished(() => deaf.close());
    deaf.freeze(60_000);
    onTestFinished(() => deaf.thaw());
    const url = hostsUrl(deaf, standby, primary);
    const pool = openPool(url, createServers(url));
    expect(await portOf(pool)).toBe(primary.port);
  });

  test('the service follows the leader to another', async () => {
    const { primary, standby } = await startPair();
    const { burst, ready } = await play({ databaseUrl: hostsUrl(standby, primary) });
    await burst(20);
    await catchUp(primary, standby);
    await primary.stop();
    await standby.promote();
    await burst(20);
    await waitFor('readiness', async () => (await ready()).status === 200);
  });

  test('no connection is kept to a former leader that still answers, not even one that is busy', async () => {
    const { primary, standby } = await startPair();
    const url = hostsUrl(primary, standby);
    const servers = createServers(url);
    const pool = openPool(url, servers);
    const other = openPool(url, servers);
    const session = await keepConnection({
      ...{ connectionString: url, servers, silenceMs: 5_000 },
      enter: async () => undefined,
      onLost: () => undefined,
    });
    onTestFinished(() => session.end());
    expect(await portOf(other)).toBe(primary.port);
    const busy = pool.query('select pg_sleep(60)').then(
      () => 'ended well',
      (error: Error) => error.message,
    );
    await waitFor('the statement', async () => {
      const rows = await primary.sql(`select from pg_stat_activity where query = 'select pg_sleep(60)'`);
      return rows.length > 0;
    });
    // It leads no more, and its connections do not notice.
    await primary.sql(`alter system set default_transaction_read_only = 'on'`);
    await primary.sql('select pg_reload_conf()');
    await standby.promote();
    servers.doubt();
    await waitFor('the leader', async () => (await portOf(other).catch(() => undefined)) === standby.port);
    expect(await busy).toBe('closed: another server leads now');
    await waitFor('the session to follow', () =>
      session.use(async (client) => client.port === standby.port).catch(() => false),
    );
    await waitFor('nobody to be left', async () => {
      const rows = await primary.sql(
        `select from pg_stat_activity where application_name like 'wechat-outbox%' and state <> 'active'`,
      );
      return rows.length === 0;
    });
  });
});

describe.skipIf(!inject('postgresBin'))('at one address', () => {
  test('a connection that came to a standby is not kept: the next one may come to the leader', async () => {
    const { primary, standby } = await startPair();
    let port = standby.port;
    const proxy = await startTcpProxy(() => [port]);
    onTestFinished(() => proxy.close());
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/wechat`;
    const pool = openPool(url, createServers(url));
    await expect(pool.query('select 1')).rejects.toThrow('it is a read-only standby');
    port = primary.port;
    await pool.query('create table public.written (id int)');
  });

  test('connections that have become read only are dropped, whoever holds them', async () => {
    const primary = await startCluster();
    await primary.sql('create database wechat');
    const url = primary.url('wechat');
    const pool = openPool(url, createServers(url));
    await pool.query('create table public.written (id int)');
    const held = await pool.connect();
    const idle = await pool.connect();
    idle.release();
    const lost = new Promise<Error>((resolve) => held.once('error', resolve));
    const pids = await backends(primary);
    expect(pids).toHaveLength(2);
    await primary.sql(`alter system set default_transaction_read_only = 'on'`);
    await primary.sql('select pg_reload_conf()');
    await waitFor('the setting', async () => {
      const { rows } = await held.query('show default_transaction_read_only');
      return rows[0]?.default_transaction_read_only === 'on';
    });
    await held.query('begin');
    await expect(held.query('insert into public.written values (1)')).rejects.toMatchObject({
      code: '25006',
    });
    // Its transaction may end as it wants to.
    await held.query('rollback');
    expect((await lost).message).toBe('it takes no writes any more');
    held.release();
    await waitFor('both to be gone', async () => (await backends(primary)).length === 0);
    await primary.sql('alter system reset default_transaction_read_only');
    await primary.sql('select pg_reload_conf()');
    await waitFor('writes', () =>
      pool.query('insert into public.written values (1)').then(
        () => true,
        () => false,
      ),
    );
  });
});

async function backends(cluster: Cluster): Promise<number[]> {
  const client = new pg.Client({ connectionString: cluster.socketUrl() });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'wechat-outbox under-test'`,
  );
  await client.end();
  return rows.map(({ pid }) => pid);
}
