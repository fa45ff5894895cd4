import pg from 'pg';
import { clientConfigOf } from './database-url.js';
import { mayPass, ReadOnlyServerError } from './errors.js';
import { urlsOfHosts } from './hosts.js';

/** One of those that a DATABASE_URL names. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

/**
 * The servers of a DATABASE_URL, as all pools of a process share them: one of them leads, and the others follow it, until it is
 * another one. Where there is one address, something else sees to it that it leads to the leader.
 */
export interface Servers {
  /**
   * The one that takes writes. It is looked for when it is not known, at all of them at once: one that does not answer keeps nobody
   * waiting.
   *
   * @returns undefined where there is one address
   * @throws ReadOnlyServerError when none takes writes; the error of a connection when none can be had
   */
  choose(): Promise<Server | undefined>;
  /** A connection to it was refused, fell silent or takes no writes: it may lead no more. */
  doubt(): void;
  /** Told of each doubt: connections that are kept for later may be of no use. */
  onDoubt(listener: () => void): void;
  /** Told when another one leads: no connection to any other is of use. */
  onMove(listener: (leader: Server) => void): void;
  /** Lives of servers (`requireWrites`) of which it is known that their timeline is written down. */
  readonly notedLives: Set<string>;
}

/** Within the time that a statement waits for its connection. */
const connectTimeoutMs = 1_500;
const lookTimeoutMs = 1_000;

export function createServers(databaseUrl: string): Servers {
  const urls = urlsOfHosts(databaseUrl) ?? [databaseUrl];
  const doubters: (() => void)[] = [];
  const movers: ((leader: Server) => void)[] = [];
  let leader: Server | undefined;
  let last: Server | undefined;
  let looking: Promise<Server> | undefined;

  async function look(): Promise<Server> {
    const found = await Promise.any(urls.map(lookAt)).catch(failLook);
    const hasMoved = last !== undefined && !isSame(last, found);
    leader = found;
    last = found;
    if (hasMoved) for (const listener of movers) listener(found);
    return found;
  }

  return {
    async choose() {
      if (urls.length === 1) return undefined;
      if (leader) return leader;
      looking ??= look().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    doubt() {
      leader = undefined;
      for (const listener of doubters) listener();
    },
    onDoubt: (listener) => void doubters.push(listener),
    onMove: (listener) => void movers.push(listener),
    notedLives: new Set(),
  };
}

export const isSame = (one: Server, other: Server) => one.host === other.host && one.port === other.port;

/** @throws ReadOnlyServerError where it takes no writes */
async function lookAt(url: string): Promise<Server> {
  const client = new pg.Client({
    ...clientConfigOf(url),
    application_name: 'wechat-outbox look',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: lookTimeoutMs,
  });
  // A query that fails tells it as well.
  client.on('error', () => undefined);
  const { host, port } = client;
  try {
    await client.connect();
    await refuseReadOnly(client);
    return { host, port };
  } finally {
    void client.end().catch(() => undefined);
  }
}

/**
 * @returns the life of the server, from one start to the next, and of our schema on it: a server that takes writes takes them on one
 * timeline until it is started again. undefined where the schema is not there.
 * @throws ReadOnlyServerError where a connection has come to a server that takes no writes, which is then in doubt
 */
export async function requireWrites(
  client: Pick<pg.ClientBase, 'query'>,
  servers: Servers,
): Promise<string | undefined> {
  try {
    return await refuseReadOnly(client);
  } catch (error) {
    if (error instanceof ReadOnlyServerError) servers.doubt();
    throw error;
  }
}

async function refuseReadOnly(client: Pick<pg.ClientBase, 'query'>): Promise<string | undefined> {
  const { rows } = await client.query<{ standby: boolean; read_only: boolean; life: string | null }>(
    // By the catalog: to_regclass is refused to a role without rights in the schema.
    `select pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') = 'on' as read_only,
       date_part('epoch', pg_postmaster_start_time()) || ' ' || (
         select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'wechat' and c.relname = 'database_timeline') as life`,
  );
  if (rows[0]?.standby) throw new ReadOnlyServerError('it is a read-only standby');
  if (rows[0]?.read_only)
    throw new ReadOnlyServerError('it takes no writes: default_transaction_read_only is on');
  return rows[0]?.life ?? undefined;
}

/** Of all that went wrong, what waiting mends: there will be a leader. */
function failLook(error: unknown): never {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  throw errors.find(mayPass) ?? errors[0];
}
