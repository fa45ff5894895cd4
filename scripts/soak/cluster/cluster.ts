import { randomBytes } from 'node:crypto';
import path from 'node:path';
import pg from 'pg';
import { freePorts } from '../../free-ports.ts';
import { until } from '../until.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { startHAProxy } from './haproxy.ts';
import { createMember, type Member } from './member.ts';
import { findPrograms, findServerUser, makeDirectory } from './programs.ts';

const startTimeoutMs = 120_000;
const names = ['north', 'south'] as const;

/** Two Postgres, of which one leads, and what decides which. */
export interface Cluster {
  readonly members: readonly Member[];
  /** By way of HAProxy. */
  readonly proxyUrl: string;
  /** With both members, for who finds the leader by itself. */
  readonly hostsUrl: string;
  urlOf(member: Member, database?: string): string;
  leader(): Promise<Member | undefined>;
  /** Whether there is a leader, with a standby that would take over. */
  isWhole(): Promise<boolean>;
  stop(): Promise<void>;
}

export async function startCluster({
  directory: parent,
  logs,
  isSynchronous,
}: {
  directory: string;
  logs: string;
  isSynchronous: boolean;
}): Promise<Cluster> {
  await findPrograms();
  const user = await findServerUser();
  const directory = await makeDirectory(path.join(parent, 'cluster'), user);
  const password = randomBytes(12).toString('hex');
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const etcd: Etcd = await startEtcd({ directory, logs, user });
    stops.push(etcd.stop);
    const members: Member[] = [];
    for (const name of names) {
      const first = await freePorts(2);
      const ports = { postgres: first, rest: first + 1 };
      const shared = { password, isSynchronous, directory, logs, user };
      const member = await createMember({ ...shared, name, ports, etcdPorts: etcd.ports });
      members.push(member);
      stops.push(member.stop);
      member.start();
    }
    const haproxy = await startHAProxy({ directory, logs, user, backends: members });
    stops.push(haproxy.stop);
    const cluster = describeCluster({ members, password, proxyPort: haproxy.port, isSynchronous, stop });
    await until('a leader with a standby', startTimeoutMs, cluster.isWhole, 500);
    await createDatabase(cluster);
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

function describeCluster({
  members,
  password,
  proxyPort,
  isSynchronous,
  stop,
}: Pick<Cluster, 'members' | 'stop'> & {
  password: string;
  proxyPort: number;
  isSynchronous: boolean;
}): Cluster {
  const url = (hosts: string, database = 'wechat') => `postgres://postgres:${password}@${hosts}/${database}`;
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const urlOf: Cluster['urlOf'] = (member, database) => url(`127.0.0.1:${member.port}`, database);
  async function leader(): Promise<Member | undefined> {
    const leads = await Promise.all(members.map((member) => member.isLeader()));
    return members.find((_, nth) => leads[nth]);
  }
  return {
    ...{ members, urlOf, leader, stop },
    proxyUrl: url(`127.0.0.1:${proxyPort}`),
    hostsUrl: `${url(hosts)}?target_session_attrs=read-write`,
    async isWhole() {
      const leading = await leader();
      if (!leading) return false;
      const rows = await query<{ sync_state: string }>(
        urlOf(leading, 'postgres'),
        `select sync_state from pg_stat_replication where state = 'streaming' and application_name = any ('{${names.join(',')}}')`,
      ).catch(() => []);
      return rows.some(({ sync_state }) => !isSynchronous || sync_state === 'sync');
    },
  };
}

async function createDatabase(cluster: Cluster): Promise<void> {
  const leader = await cluster.leader();
  if (leader) await query(cluster.urlOf(leader, 'postgres'), 'create database wechat');
}

/** One statement on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
    application_name: 'soak',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
