import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { advisoryLocks } from '../db/locks.js';
import { persist } from '../db/persist.js';
import { createServers, type Servers } from '../db/servers.js';
import { noteTimeline } from '../db/timeline.js';
import type { Logger } from '../observe/log.js';
import { logTimeline } from '../observe/log-timeline.js';
import { silenceMs } from '../outbox/rescue.js';
import { keepConnection } from './session-connection.js';

/**
 * A worker's proof of life: a row in worker_process with a heartbeat, and a session-level advisory lock, on a connection
 * kept for nothing else. When the process dies, or loses its connection, Postgres frees the lock; when it stands still
 * (stopped, or its event loop blocked) the heartbeat stops. Either way others take over (rescue.ts).
 */
export interface WorkerSession {
  /** Changes if the process was declared dead while it was cut off or stood still. */
  readonly workerId: number;
  /** Tells the others under which name graphile-worker locks this process's jobs. */
  setPoolId(poolId: string): Promise<void>;
  /** Leaves in good order: nothing is left to rescue. */
  end(): Promise<void>;
}

export interface SessionDependencies {
  connectionString: string;
  /** Shared with the pools of the process; default: those of the connection string. */
  servers?: Servers | undefined;
  rescueAfterMs: number;
  /** Gives back at once what the worker still has in hand, and ends its row. */
  leave(client: ClientBase, workerId: number): Promise<unknown>;
  /** Ends the wait for a database that is away at the start; default: it is not waited for. */
  starting?: AbortSignal;
  log: Logger;
}

/** How often a sign is given: by default each 2 s. */
const heartbeatMs = (rescueAfterMs: number) => Math.min(2_000, silenceMs(rescueAfterMs) / 4);

/** @throws when the database refuses us, or is away and not waited for; later breaks are mended in the background */
export async function openSession({
  connectionString,
  servers = createServers(connectionString),
  rescueAfterMs,
  leave,
  starting = AbortSignal.abort(),
  log,
}: SessionDependencies): Promise<WorkerSession> {
  const identity = createIdentity(log);
  const ending = new AbortController();
  const open = () =>
    keepConnection({
      connectionString,
      servers,
      // A sign that is late by half the silence is given over another connection, while there is time.
      silenceMs: silenceMs(rescueAfterMs) / 2,
      enter: identity.enter,
      onLost(error) {
        if (!ending.signal.aborted)
          log.warn({ event: 'session_lost', worker_id: identity.id, err: error }, 'worker session lost');
      },
    });
  const connection = await persist(open, {
    signal: starting,
    onOutage: (error) => log.warn({ event: 'database_away', err: error }, 'database away: waiting for it'),
  });

  /** One sign after the other: two at once could renew the identity twice. */
  async function beat(): Promise<void> {
    while (!ending.signal.aborted) {
      await sleep(heartbeatMs(rescueAfterMs), undefined, { signal: ending.signal }).catch(() => undefined);
      // What fails is mended by another connection, or followed by the next sign.
      if (!ending.signal.aborted) await connection.use(identity.giveSign).catch(() => undefined);
    }
  }
  const beating = beat();

  return {
    get workerId() {
      return identity.id;
    },
    setPoolId: (poolId) => connection.use((client) => identity.setPoolId(client, poolId)),
    async end() {
      ending.abort();
      await beating;
      await connection.use((client) => leave(client, identity.id)).catch(() => undefined);
      await connection.end();
    },
  };
}

interface Identity {
  readonly id: number;
  /** Takes the old id up again, or gets a new one, on a new connection. */
  enter(client: ClientBase): Promise<void>;
  giveSign(client: ClientBase): Promise<void>;
  setPoolId(client: ClientBase, poolId: string): Promise<void>;
}

/** Who a worker is to the others: an id, whose lock it holds. */
function createIdentity(log: Logger): Identity {
  let id = 0;
  let poolId: string | undefined;

  /** The row is seen by others only when its lock is held: they must not take a newcomer for dead. */
  async function register(client: ClientBase): Promise<number> {
    await client.query('begin');
    const { rows } = await client.query<{ id: number }>(
      `insert into wechat.worker_process (hostname, pid, pool_id) values ($1, $2, $3)
       returning id, pg_advisory_lock($4, id)`,
      [hostname(), process.pid, poolId ?? null, advisoryLocks.alive],
    );
    await client.query('commit');
    const registered = rows[0]?.id;
    if (registered === undefined) throw new Error('worker_process gave no id');
    log.info({ event: 'session_opened', worker_id: registered }, 'worker session opened');
    return registered;
  }

  /** False when this id was declared dead. */
  async function isAlive(client: ClientBase): Promise<boolean> {
    const { rowCount } = await client.query(
      'update wechat.worker_process set heartbeat_at = now(), missing_since = null where id = $1 and ended_at is null',
      [id],
    );
    return rowCount === 1;
  }

  async function takeLock(client: ClientBase): Promise<boolean> {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock($1, $2) as locked',
      [advisoryLocks.alive, id],
    );
    return rows[0]?.locked === true;
  }

  /**
   * Who was declared dead begins anew, under another id: what it had claimed is fenced off. The lock of the old one goes, or that
   * one would live on for all who ask.
   */
  async function renew(client: ClientBase, { holdsLock }: { holdsLock: boolean }): Promise<void> {
    const dead = id;
    id = await register(client);
    log.warn({ event: 'session_renewed', worker_id: id, was: dead }, 'was given up for dead, goes on anew');
    if (holdsLock) await client.query('select pg_advisory_unlock($1, $2)', [advisoryLocks.alive, dead]);
  }

  return {
    get id() {
      return id;
    },
    async enter(client) {
      // First: a sign of this worker would be the last that the database knows.
      logTimeline(log, await noteTimeline(client));
      if (id === 0) {
        id = await register(client);
        return;
      }
      const holdsLock = await takeLock(client);
      if (!holdsLock || !(await isAlive(client))) await renew(client, { holdsLock });
    },
    async giveSign(client) {
      if (!(await isAlive(client))) await renew(client, { holdsLock: true });
    },
    async setPoolId(client, name) {
      poolId = name;
      await client.query('update wechat.worker_process set pool_id = $2 where id = $1', [id, name]);
    },
  };
}
