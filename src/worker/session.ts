import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../observe/log.js';
import { leaveSql } from '../outbox/leave.js';

/** First half of the advisory lock that says "worker N lives"; the second is its id. */
export const aliveLockClass = 1467502434;

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

const reconnectMs = 500;
/**
 * How long a worker may give no sign before it is missing, and how often it gives one: by default 8 and 2 s.
 *
 * @param rescueAfterMs how long it must be missing then, before its work is given away
 */
export const silenceMs = (rescueAfterMs: number) => 0.8 * rescueAfterMs;
const heartbeatMs = (rescueAfterMs: number) => Math.min(2_000, silenceMs(rescueAfterMs) / 4);

/**
 * Asks Postgres to notice within ten seconds that this machine is gone (power, network), when no packet says so; its
 * default is two hours, for which the lock would be held.
 */
const noticeSilence = '-c tcp_keepalives_idle=4 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=2';

/** @throws when the database cannot be reached at the start; later breaks are mended in the background */
export async function openSession({
  connectionString,
  rescueAfterMs,
  log,
}: {
  connectionString: string;
  rescueAfterMs: number;
  log: Logger;
}): Promise<WorkerSession> {
  let workerId = 0;
  let poolId: string | undefined;
  let ended = false;
  let client = await connect();

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({
      connectionString,
      application_name: 'wechat-outbox alive',
      keepAlive: true,
      options: noticeSilence,
      connectionTimeoutMillis: 3_000,
    });
    // Also after the end, when the server closes it.
    fresh.on('error', (error) => {
      if (!ended) log.warn({ event: 'session_lost', worker_id: workerId, err: error }, 'worker session lost');
    });
    await fresh.connect();
    try {
      workerId = (await resume(fresh)) ?? (await register(fresh));
    } catch (error) {
      await fresh.end().catch(() => undefined);
      throw error;
    }
    fresh.once('end', () => void reconnect());
    return fresh;
  }

  /** Takes the old id up again, unless others have declared it dead. */
  async function resume(fresh: pg.Client): Promise<number | undefined> {
    if (workerId === 0) return undefined;
    const { rows } = await fresh.query<{ locked: boolean }>('select pg_try_advisory_lock($1, $2) as locked', [
      aliveLockClass,
      workerId,
    ]);
    if (!rows[0]?.locked) return undefined;
    return (await giveSign(fresh)) ? workerId : undefined;
  }

  /** False when this id was declared dead. */
  async function giveSign(through: pg.Client): Promise<boolean> {
    const { rowCount } = await through.query(
      'update wechat.worker_process set heartbeat_at = now(), missing_since = null where id = $1 and ended_at is null',
      [workerId],
    );
    return rowCount === 1;
  }

  /** Who was declared dead begins anew, under another id: what it had claimed is fenced off (see record.ts). */
  async function beat(): Promise<void> {
    const through = client;
    if (await giveSign(through)) return;
    const dead = workerId;
    workerId = await register(through);
    await through.query('select pg_advisory_unlock($1, $2)', [aliveLockClass, dead]);
    log.warn(
      { event: 'session_renewed', worker_id: workerId, was: dead },
      'was given up for dead, goes on anew',
    );
  }

  const beating = setInterval(() => {
    // A lost connection is mended by `reconnect`; a beat that is late is followed by the next.
    if (!ended) beat().catch(() => undefined);
  }, heartbeatMs(rescueAfterMs));

  /** The row is seen by others only when its lock is held: they must not take a newcomer for dead. */
  async function register(fresh: pg.Client): Promise<number> {
    await fresh.query('begin');
    const { rows } = await fresh.query<{ id: number }>(
      `insert into wechat.worker_process (hostname, pid, pool_id) values ($1, $2, $3)
       returning id, pg_advisory_lock($4, id)`,
      [hostname(), process.pid, poolId ?? null, aliveLockClass],
    );
    await fresh.query('commit');
    const id = rows[0]?.id;
    if (id === undefined) throw new Error('worker_process gave no id');
    log.info({ event: 'session_opened', worker_id: id }, 'worker session opened');
    return id;
  }

  async function reconnect(): Promise<void> {
    while (!ended) {
      try {
        client = await connect();
        return;
      } catch {
        await sleep(reconnectMs);
      }
    }
  }

  return {
    get workerId() {
      return workerId;
    },
    async setPoolId(id) {
      poolId = id;
      await client.query('update wechat.worker_process set pool_id = $2 where id = $1', [workerId, id]);
    },
    async end() {
      ended = true;
      clearInterval(beating);
      await client.query(leaveSql, [workerId]).catch(() => undefined);
      await client.end().catch(() => undefined);
    },
  };
}
