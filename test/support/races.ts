import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { createLanes, type LaneRow, type Lanes, type LaneWorker, type Queryable } from './lanes.js';
import { waitFor } from './wait.js';

/**
 * Schedules of two and three connections that meet on one conversation. A test says what runs when: it holds a transaction
 * open, sees another statement wait for its lock (pg_stat_activity) or answer without it, and then commits.
 */
export interface Races {
  /** Its own connections: what it sees is committed. */
  readonly database: TestDatabase;
  /** Statements that commit at once, on connections as the service has them. */
  readonly lanes: Lanes;
  readonly pool: Pool;
  /** Another connection as the service has them. It is closed when the test ends. */
  connect(): Promise<Connection>;
  /** The user's one lane. @throws when there is none, or several */
  laneOf(openid: string): Promise<LaneRow>;
  /** Ids of the user's open messages, in order. */
  openOf(openid: string): Promise<string[]>;
  /** Ids of the user's open messages that nobody will find: without a lane, or below its cursor. */
  lostOf(openid: string): Promise<string[]>;
  /** Ids of the lanes that jobs name which are due, each once. */
  rungFor(): Promise<string[]>;
  /** All jobs run: from here on `rungFor` tells of new ones only. */
  clearJobs(): Promise<void>;
  /** Declares workers dead, as the rescue of their pool would. */
  bury(...workers: LaneWorker[]): Promise<void>;
}

export interface Connection {
  readonly client: Queryable;
  readonly lanes: Lanes;
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Starts a statement and resolves when it waits for a lock, or has answered. */
  start<T>(statement: () => Promise<T>): Promise<Started<T>>;
}

export interface Started<T> {
  /** Whether it waited for a lock when it was started. */
  readonly waits: boolean;
  readonly answer: Promise<T>;
}

/** A database for the file; each test has its own users in it, or `fresh` ones. */
export function useRaces(): () => Races {
  let races: Races | undefined;
  let pool: Pool | undefined;
  beforeAll(async () => {
    const database = await createTestDatabase();
    pool = createPool({ ...connectionOptions, connectionString: database.url, max: 4 });
    races = createRaces(database, pool);
  });
  afterAll(async () => {
    await pool?.end();
    await races?.database.drop();
  });
  return () => {
    if (!races) throw new Error('there is no database before the tests begin');
    return races;
  };
}

const connectionOptions = { name: 'race', statementTimeoutMs: 20_000, onError: () => undefined };

function createRaces(database: TestDatabase, pool: Pool): Races {
  const lanes = createLanes(pool);

  return {
    database,
    lanes,
    pool,
    connect: () => connect(database),
    async laneOf(openid) {
      const [lane, ...others] = await lanes.lanesOf(openid);
      if (!lane || others.length > 0) throw new Error(`${openid} has not one lane`);
      return lane;
    },
    async openOf(openid) {
      const rows = await database.rows<{ id: string }>(
        'select id from wechat.inbound_message where openid = $1 and settled_at is null order by id',
        [openid],
      );
      return rows.map(({ id }) => id);
    },
    async lostOf(openid) {
      const rows = await database.rows<{ id: string }>(
        `select m.id from wechat.inbound_message m
         left join wechat.lane l on l.app_id = m.app_id and l.openid = m.openid and l.slot = m.slot
         where m.openid = $1 and m.settled_at is null and (l.id is null or (l.slot = '' and m.id <= l.done_id))`,
        [openid],
      );
      return rows.map(({ id }) => id);
    },
    async rungFor() {
      const rows = await database.rows<{ id: string }>(
        `select distinct value as id from graphile_worker._private_jobs job, json_array_elements_text(job.payload->'ids')
         where run_at <= now()`,
      );
      return rows.map(({ id }) => id);
    },
    async clearJobs() {
      await database.pool.query('delete from graphile_worker._private_jobs');
    },
    async bury(...workers) {
      await database.pool.query('update wechat.worker_process set ended_at = now() where id = any($1)', [
        workers.map(({ id }) => id),
      ]);
    },
  };
}

async function connect(database: TestDatabase): Promise<Connection> {
  const pool = createPool({ ...connectionOptions, connectionString: database.url, max: 1 });
  const client = await pool.connect();
  onTestFinished(async () => {
    client.release(true);
    await pool.end();
  });
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid;

  async function isWaiting(): Promise<boolean> {
    const found = await database.rows(
      `select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`,
      [pid],
    );
    return found.length > 0;
  }

  const run = async (command: string) => {
    await client.query(command);
  };
  return {
    client,
    lanes: createLanes(client),
    begin: () => run('begin'),
    commit: () => run('commit'),
    rollback: () => run('rollback'),
    async start(statement) {
      let isAnswered = false;
      const answer = statement().finally(() => {
        isAnswered = true;
      });
      // The test awaits it later, and a failure until then is not unhandled.
      answer.catch(() => undefined);
      let waits = false;
      await waitFor('a lock that is waited for, or an answer', async () => {
        waits = await isWaiting();
        return waits || isAnswered;
      });
      return { waits: waits && !isAnswered, answer };
    },
  };
}

/** One number for each user of a file's tests: they share a database. */
let lastUser = 0;

export function newUser(): string {
  lastUser += 1;
  return `o${String(lastUser).padStart(4, '0')}`;
}

/**
 * A connection on which the texts of statements are changed first, wherever they say `from`: for a rule that is broken on
 * purpose, or a stop behind the snapshot of a statement. A change that no statement of the test met fails the test.
 */
export function rewriting(
  connection: Queryable,
  ...changes: readonly (readonly [from: string, to: string])[]
): Queryable {
  const unmet = new Set(changes);
  onTestFinished(() => {
    for (const [from] of unmet) throw new Error(`no statement said: ${from}`);
  });

  function rewrite(text: string): string {
    let rewritten = text;
    for (const change of changes) {
      const [from, to] = change;
      if (!rewritten.includes(from)) continue;
      rewritten = rewritten.replaceAll(from, () => to);
      unmet.delete(change);
    }
    return rewritten;
  }

  const run = connection.query as (...values: unknown[]) => unknown;
  const query = (first: unknown, ...rest: unknown[]): unknown => {
    if (typeof first === 'string') return run.call(connection, rewrite(first), ...rest);
    // Without its name, under which the connection may know the text as it was.
    const { name, text, ...others } = first as { name?: string; text: string };
    const changed = rewrite(text);
    return run.call(connection, changed === text ? first : { ...others, text: changed }, ...rest);
  };
  return { query } as Queryable;
}

/**
 * Stops statements behind their snapshot, at a call of `race_gate()` that `rewriting` has put there: each waits, as at a lock,
 * until the gate is opened.
 */
export async function closeGate({ database }: Races): Promise<{ open(): Promise<void> }> {
  await database.pool.query(`
    create or replace function public.race_gate() returns boolean language plpgsql as $$
    begin
      perform pg_advisory_lock_shared(4711);
      perform pg_advisory_unlock_shared(4711);
      return true;
    end
    $$`);
  const holder = await database.pool.connect();
  await holder.query('select pg_advisory_lock(4711)');
  let isOpen = false;
  const open = async () => {
    if (isOpen) return;
    isOpen = true;
    await holder.query('select pg_advisory_unlock(4711)');
    holder.release();
  };
  onTestFinished(open);
  return { open };
}
