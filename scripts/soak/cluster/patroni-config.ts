import { programs } from './programs.ts';

/**
 * Seconds. A leader that gives no sign for `ttl` is replaced; it gives one each `loop_wait`, and tries for `retry_timeout` before
 * it gives itself up. 20 is the least that Patroni recommends for ttl, and loop_wait + 2 * retry_timeout must not be more.
 */
export const timings = { ttl: 20, loop_wait: 3, retry_timeout: 5 } as const;

export interface PatroniOptions {
  name: string;
  ports: { postgres: number; rest: number };
  /** Of the way to etcd. */
  etcdPort: number;
  /** Of the way that its standby takes to it. */
  replicationPort: number;
  data: string;
  password: string;
  isSynchronous: boolean;
}

/** Patroni's configuration of one member, as JSON, which is YAML as well. */
export function patroniConfig(options: PatroniOptions): string {
  const { name, ports, etcdPort, replicationPort, data, password, isSynchronous } = options;
  const config = {
    scope: 'wechat',
    name,
    restapi: { listen: `127.0.0.1:${ports.rest}`, connect_address: `127.0.0.1:${ports.rest}` },
    // By etcd's second API: Debian's Patroni (3.0.2) does not look who leads when it writes itself down as the leader by the third.
    // A former one that stood still then takes the place of its successor, and all that was acknowledged meanwhile is lost.
    // As a proxy: else it would ask the members for their own addresses, and go past what we cut.
    etcd: { hosts: [`127.0.0.1:${etcdPort}`], use_proxies: true },
    bootstrap: {
      dcs: {
        ...timings,
        maximum_lag_on_failover: 1_048_576,
        synchronous_mode: isSynchronous,
        postgresql: {
          use_pg_rewind: true,
          parameters: { max_connections: 200, wal_keep_size: '512MB', shared_buffers: '256MB' },
        },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'data-checksums'],
      pg_hba: [
        'host replication replicator 127.0.0.1/32 scram-sha-256',
        'host all all 127.0.0.1/32 scram-sha-256',
      ],
    },
    postgresql: {
      listen: `127.0.0.1:${ports.postgres}`,
      connect_address: `127.0.0.1:${replicationPort}`,
      data_dir: data,
      bin_dir: programs.postgresBin,
      pgpass: `${data}.pgpass`,
      authentication: {
        superuser: { username: 'postgres', password },
        replication: { username: 'replicator', password },
        rewind: { username: 'postgres', password },
      },
      parameters: { unix_socket_directories: '', password_encryption: 'scram-sha-256' },
    },
  };
  return JSON.stringify(config, null, 2);
}
