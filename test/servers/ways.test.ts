import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { asServer, type Cluster, startCluster, startPgBouncer } from './support/cluster.js';
import { play, refusalOf } from './support/play.js';

describe.skipIf(!inject('postgresBin'))('the way to the server', () => {
  test('leads over a socket alone', async () => {
    const cluster = await startCluster({ settings: [`listen_addresses = ''`] });
    await cluster.sql('create database wechat');
    const { burst, ready } = await play({ databaseUrl: cluster.socketUrl('wechat') });
    await burst(20);
    expect(await ready()).toMatchObject({ status: 200 });
  });

  test('is encrypted, and the server is who a private CA says it is', async () => {
    const { cluster, ca, foreignCa } = await startTlsCluster();
    const verified = `${cluster.url('wechat').replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert=`;
    const { burst, stop } = await play({ databaseUrl: `${verified}${ca}` });
    await burst(20);
    expect(
      await cluster.sql(
        `select bool_and(ssl) as ssl from pg_stat_ssl join pg_stat_activity using (pid)
         where application_name like 'wechat-outbox%' and backend_type = 'client backend'`,
      ),
    ).toEqual([{ ssl: true }]);
    await stop();
    expect((await refusalOf(`${verified}${foreignCa}`)).words).toMatch(/certificate/i);
    const { burst: unchecked } = await play({ databaseUrl: `${cluster.url('wechat')}?sslmode=require` });
    await unchecked(5);
    expect((await refusalOf(cluster.url('wechat'))).words).toMatch(/no pg_hba.conf entry|encryption/);
  });

  describe.skipIf(!inject('pgbouncer'))('leads through PgBouncer', () => {
    test('in session mode', async () => {
      const cluster = await startCluster();
      await cluster.sql('create database wechat');
      const pooler = await startPgBouncer(cluster, ['pool_mode = session', 'default_pool_size = 40']);
      const { burst, ready } = await play({ databaseUrl: pooler.url('wechat') });
      await burst(60);
      expect(await ready()).toMatchObject({ status: 200 });
    });

    test.each([
      ['transaction', '0'],
      ['transaction', '1'],
      ['statement', '0'],
    ])('in %s mode (round robin: %s) it is refused in words', async (mode, roundRobin) => {
      const cluster = await startCluster();
      await cluster.sql('create database wechat');
      const settings = [`pool_mode = ${mode}`, `server_round_robin = ${roundRobin}`];
      const pooler = await startPgBouncer(cluster, settings);
      const { code, words } = await refusalOf(pooler.url('wechat'));
      expect(words).toMatch(
        /pooling: a pooler gives each transaction another connection.*pool_mode = session/,
      );
      expect(code).toBe(1);
      // Nothing was created.
      expect(
        await cluster.sql(`select nspname from pg_namespace where nspname ~ 'wechat|graphile'`, 'wechat'),
      ).toEqual([]);
    });
  });
});

interface TlsCluster {
  cluster: Cluster;
  ca: string;
  foreignCa: string;
}

/** Takes connections over TLS alone, with a certificate for `localhost` by a CA that nobody else knows. */
async function startTlsCluster(): Promise<TlsCluster> {
  let ca = '';
  let foreignCa = '';
  const cluster = await startCluster({
    hba: ['local all all trust', 'hostssl all all 127.0.0.1/32 trust', 'hostssl all all ::1/128 trust'],
    settings: ['ssl = on', `ssl_cert_file = '../server.crt'`, `ssl_key_file = '../server.key'`],
    async prepare(directory) {
      const at = (name: string) => path.join(directory, name);
      const openssl = (...args: string[]) => asServer('openssl', args);
      const createCa = async (name: string) => {
        const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
        await openssl('req', '-x509', ...subject, '-keyout', at(`${name}.key`), '-out', at(`${name}.crt`));
        await chmod(at(`${name}.crt`), 0o644);
        return at(`${name}.crt`);
      };
      ca = await createCa('ca');
      foreignCa = await createCa('foreign');
      const request = ['-subj', '/CN=localhost', '-nodes', '-newkey', 'rsa:2048'];
      await openssl('req', ...request, '-keyout', at('server.key'), '-out', at('server.csr'));
      await writeFile(at('san.cnf'), 'subjectAltName = DNS:localhost\n');
      const signed = ['-req', '-in', at('server.csr'), '-CA', ca, '-CAkey', at('ca.key'), '-CAcreateserial'];
      await openssl('x509', ...signed, '-days', '2', '-extfile', at('san.cnf'), '-out', at('server.crt'));
      await chmod(directory, 0o755);
    },
  });
  await cluster.sql('create database wechat');
  return { cluster, ca, foreignCa };
}
