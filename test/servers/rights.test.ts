import { describe, expect, inject, test } from 'vitest';
import { startTcpProxy } from '../../scripts/soak/tcp-proxy.js';
import { runCommand } from '../support/processes.js';
import { waitFor } from '../support/wait.js';
import { startCluster } from './support/cluster.js';
import { play, refusalOf } from './support/play.js';

describe.skipIf(!inject('postgresBin'))('a role', () => {
  test('that may create no schema works in those that were made for it, and is told which are missing', async () => {
    const cluster = await startCluster();
    await cluster.sql('create role guest login');
    await cluster.sql('create database wechat');
    const databaseUrl = cluster.url('wechat', 'guest');
    const refused = await refusalOf(databaseUrl);
    expect(refused.code).toBe(1);
    expect(refused.words).toContain(
      'create schema wechat authorization guest; create schema graphile_worker authorization guest;',
    );
    await cluster.sql('create schema wechat authorization guest', 'wechat');
    await cluster.sql('create schema graphile_worker authorization guest', 'wechat');
    const { burst, ready } = await play({ databaseUrl });
    await burst(20);
    expect(await ready()).toMatchObject({ status: 200 });
  });

  test('that may only read and write rows is refused, and told whose the tables are', async () => {
    const cluster = await startCluster();
    await cluster.sql('create role owner_of_it login');
    await cluster.sql('create role guest login');
    await cluster.sql('create database wechat owner owner_of_it');
    const migrated = runCommand(['migrate'], { DATABASE_URL: cluster.url('wechat', 'owner_of_it') });
    expect(await migrated.exited).toBe(0);
    for (const schema of ['wechat', 'graphile_worker']) {
      await cluster.sql(`grant usage on schema ${schema} to guest`, 'wechat');
      await cluster.sql(
        `grant select, insert, update, delete on all tables in schema ${schema} to guest`,
        'wechat',
      );
      await cluster.sql(`grant usage on all sequences in schema ${schema} to guest`, 'wechat');
    }
    const { code, words } = await refusalOf(cluster.url('wechat', 'guest'));
    expect(code).toBe(1);
    expect(words).toMatch(/rights: the tables .* belong to owner_of_it, not to the role guest/);
    const doctor = runCommand(['doctor'], { DATABASE_URL: cluster.url('wechat', 'guest') });
    await doctor.exited;
    expect(doctor.lines.join('\n')).toMatch(/warn {2}rights +the tables .* belong to owner_of_it/);
    // Who belongs to the owner may do what the owner may.
    await cluster.sql('grant owner_of_it to guest');
    const { burst } = await play({ databaseUrl: cluster.url('wechat', 'guest') });
    await burst(5);
  });
});

describe.skipIf(!inject('postgresBin'))('a database', () => {
  test.each(['LATIN1', 'SQL_ASCII'])('in %s is refused by name', async (encoding) => {
    const cluster = await startCluster();
    await cluster.sql(`create database wechat encoding '${encoding}' locale 'C' template template0`);
    const { code, words } = await refusalOf(cluster.url('wechat'));
    expect(code).toBe(1);
    expect(words).toMatch(new RegExp(`encoding: .* is in ${encoding}, .*encoding 'UTF8'`));
  });

  test('that is a standby is refused, and followed once it is promoted', async () => {
    const primary = await startCluster();
    await primary.sql('create database wechat');
    const standby = await startCluster({ of: primary });
    const { words } = await refusalOf(standby.url('wechat'));
    expect(words).toMatch(/primary: this server is a standby/);

    // One address that leads to whichever is the primary, as a virtual IP or a name does.
    let port = primary.port;
    const proxy = await startTcpProxy(() => [port]);
    const databaseUrl = `postgres://postgres@127.0.0.1:${proxy.port}/wechat`;
    const { burst, ready, simulator } = await play({ databaseUrl });
    await burst(20);
    const position = await primary.sql('select pg_current_wal_lsn() as lsn');
    await waitFor('the standby to have it all', async () => {
      const [row] = await standby.sql(
        `select pg_last_wal_replay_lsn() >= '${position[0]?.lsn}'::pg_lsn as caught_up`,
      );
      return row?.caught_up === true;
    });
    await primary.stop();
    const { status, body } = await ready();
    expect(status).toBe(503);
    expect(body).toMatch(/database: /);
    port = standby.port;
    await standby.promote();
    await burst(20);
    await waitFor('readiness', async () => (await ready()).status === 200);
    expect(simulator.calls.filter(({ path }) => path.endsWith('/custom/send')).length).toBeGreaterThanOrEqual(
      40,
    );
    await proxy.close();
  });
});
