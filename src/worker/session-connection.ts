import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { LeaderClient } from '../db/client.js';
import { clientConfigOf } from '../db/database-url.js';
import { ReadOnlyServerError } from '../db/errors.js';
import { connectTimeoutMs } from '../db/pool.js';
import { requireWrites, type Servers } from '../db/servers.js';
import { applySession, keepAliveInitialDelayMs, serverStatementMs } from '../db/session-settings.js';

export interface KeptConnectionOptions {
  connectionString: string;
  servers: Servers;
  /** A statement without an answer for so long: the connection is given up, and another one takes its place. */
  silenceMs: number;
  /** Awaited on every new connection before it is used. */
  enter(client: pg.Client): Promise<void>;
  onLost(error: Error): void;
}

/** One connection, replaced for as long as it takes when it breaks or falls silent. */
export interface KeptConnection {
  /** Runs statements on it. Where one fails, the connection is replaced. */
  use<T>(statements: (client: pg.Client) => Promise<T>): Promise<T>;
  end(): Promise<void>;
}

const reconnectMs = 500;
/** For a server that does not answer any more. */
const farewellMs = 1_000;

/** @throws when the database cannot be reached at first; later breaks are mended in the background */
export async function keepConnection(options: KeptConnectionOptions): Promise<KeptConnection> {
  const { servers } = options;
  let ended = false;
  let current = await connect(options, onEnd);
  servers.onMove((leader) => {
    if (!current.leadsTo(leader)) current.drop(new ReadOnlyServerError('another server leads now'));
  });

  function onEnd(): void {
    if (!ended) void reconnect();
  }

  async function reconnect(): Promise<void> {
    while (!ended) {
      try {
        const fresh = await connect(options, onEnd);
        if (ended) await fresh.end();
        current = fresh;
        return;
      } catch {
        await sleep(reconnectMs);
      }
    }
  }

  return {
    async use(statements) {
      const client = current;
      try {
        return await statements(client);
      } catch (error) {
        // It may be black-holed (TCP itself would notice after a quarter of an hour), or in a broken transaction.
        client.destroy();
        // What the pools keep for later may be just as dead.
        servers.doubt();
        throw error;
      }
    },
    async end() {
      ended = true;
      await Promise.race([
        current.end().catch(() => undefined),
        sleep(farewellMs, undefined, { ref: false }),
      ]);
      current.destroy();
    },
  };
}

async function connect(
  { connectionString, servers, silenceMs, enter, onLost }: KeptConnectionOptions,
  onEnd: () => void,
): Promise<LeaderClient> {
  const client = new LeaderClient(
    {
      ...clientConfigOf(connectionString),
      application_name: 'wechat-outbox alive',
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveInitialDelayMs,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: silenceMs,
    },
    servers,
  );
  // Also after the end, when the server closes it.
  client.on('error', onLost);
  try {
    await client.connect();
    const statementMs = serverStatementMs(silenceMs);
    await applySession(client, { limits: { statementMs, lockMs: 0, idleInTransactionMs: silenceMs } });
    await requireWrites(client, servers);
    await enter(client);
  } catch (error) {
    client.destroy();
    throw error;
  }
  client.once('end', onEnd);
  return client;
}
