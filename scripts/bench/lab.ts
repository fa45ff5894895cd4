import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { request } from 'undici';
import { startEmbeddedPostgres } from '#src/db/embedded.js';
import { migrateDatabase } from '#src/db/migrate.js';
import { findLoadTool, type LoadTool } from './load.ts';
import { todaySchema } from './models/today.ts';
import { type Measured, startProgram } from './processes.ts';
import { account } from './pushes.ts';

export interface Counts {
  sends: number;
  /** Of the first and the last send; in ms since 1970. */
  firstAt: number;
  lastAt: number;
  /** From push to arrival, for users that are named for the time of their push. */
  latenciesMs: number[];
}

/** What every benchmark works with: one Postgres with fsync on, one stub of the API, a folder. */
export interface Lab {
  readonly pool: pg.Pool;
  readonly loadTool: LoadTool;
  /** Settings that the product needs; a program takes from them what it knows. */
  readonly settings: Readonly<Record<string, string>>;
  file(name: string): string;
  /** Empties all tables, and those of the baselines. */
  empty(): Promise<void>;
  counts(): Promise<Counts>;
  resetCounts(): Promise<void>;
  /** Resolves when so many were sent. @throws Error when nothing is sent for 30 s */
  waitForSends(count: number): Promise<Counts>;
  /** Opens another, with a Postgres of its own; it is closed with this one. */
  openAnother(): Promise<Lab>;
  /** For what must not outlive it. */
  onClose(close: () => Promise<void>): void;
  close(): Promise<void>;
}

const byHandTables = `
  create schema by_hand;
  create table by_hand.message (
    id bigint generated always as identity primary key, dedupe_key text not null unique, openid text not null,
    msg_type text not null, content text, created_at timestamptz not null, payload jsonb not null,
    status text not null default 'received', sent_at timestamptz);
  create table by_hand.attempt (
    message_id bigint not null, started_at timestamptz not null, finished_at timestamptz not null default now(),
    errcode integer)`;

/** @param keep a folder whose database outlives the lab, and is found again by the next */
export async function openLab(keep?: string): Promise<Lab> {
  // Under /var/tmp: as root, Postgres runs as another user, who must be able to reach it.
  const directory = keep ? path.resolve(keep) : await mkdtemp('/var/tmp/wechat-outbox-bench-');
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  const postgres = await startEmbeddedPostgres({
    dataDir: directory,
    settings: { shared_buffers: '512MB', max_wal_size: '4GB', max_connections: '200' },
  });
  const pool = await prepareDatabase(postgres.url);
  const stub: Measured = await startProgram('api-stub');
  const apiBase = `http://127.0.0.1:${stub.port}`;
  const closings: (() => Promise<void>)[] = [];

  let closed: Promise<void> | undefined;
  async function closeAll(): Promise<void> {
    for (const close of closings.splice(0)) await close();
    await stub.stop();
    await pool.end();
    await postgres.stop();
    if (!keep) await rm(directory, { recursive: true, force: true });
  }

  return {
    pool,
    loadTool: await findLoadTool(),
    settings: settingsFor({ databaseUrl: postgres.url, apiBase, log: path.join(directory, 'processes.log') }),
    file: (name) => path.join(directory, name),
    empty: () => emptyTables(pool),
    ...countsOf(apiBase),
    async openAnother() {
      const other = await openLab();
      closings.push(other.close);
      return other;
    },
    onClose(close) {
      closings.push(close);
    },
    // Told to end, the benchmark that is broken off closes it too.
    close: () => {
      closed ??= closeAll();
      return closed;
    },
  };
}

/** With our tables, and those of the baselines. */
async function prepareDatabase(url: string): Promise<pg.Pool> {
  await migrateDatabase(url, () => undefined);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  const { rows } = await pool.query<{ isKept: boolean }>(
    `select to_regnamespace('by_hand') is not null as "isKept"`,
  );
  if (rows[0]?.isKept) return pool;
  await pool.query(byHandTables);
  await pool.query(await readFile(todaySchema, 'utf8'));
  return pool;
}

function settingsFor({
  databaseUrl,
  apiBase,
  log,
}: {
  databaseUrl: string;
  apiBase: string;
  log: string;
}): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    WECHAT_APP_ID: account.appId,
    WECHAT_APP_SECRET: account.appSecret,
    WECHAT_TOKEN: account.token,
    WECHAT_API_BASE: apiBase,
    REPLIES: fileURLToPath(new URL('programs/replies.js', import.meta.url)),
    BENCH_LOG: log,
  };
}

/** What the stub of the API saw. */
function countsOf(apiBase: string): Pick<Lab, 'counts' | 'resetCounts' | 'waitForSends'> {
  async function counts(): Promise<Counts> {
    const { body } = await request(`${apiBase}/counts`);
    return (await body.json()) as Counts;
  }

  async function resetCounts(): Promise<void> {
    const { body } = await request(`${apiBase}/reset`);
    await body.dump();
  }

  async function waitForSends(count: number): Promise<Counts> {
    for (let [seen, idleMs] = [0, 0]; ; ) {
      const { sends } = await counts();
      if (sends >= count) return counts();
      idleMs = sends === seen ? idleMs + 100 : 0;
      if (idleMs > 30_000) throw new Error(`${sends} of ${count} sends, and no more for 30 s`);
      seen = sends;
      await sleep(100);
    }
  }

  return { counts, resetCounts, waitForSends };
}

async function emptyTables(pool: pg.Pool): Promise<void> {
  await untilIdle(pool);
  await pool.query(
    `truncate wechat.inbound_message, wechat.lane, wechat.delivery, wechat.delivery_attempt, wechat.reply_callback, graphile_worker._private_jobs,
       by_hand.message, by_hand.attempt, before.inbound_message, before.delivery, before.delivery_attempt`,
  );
  await pool.query('checkpoint');
}

/** Processes that have just ended may have left transactions behind, whose locks a truncate could meet in a deadlock. */
async function untilIdle(pool: pg.Pool): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const { rowCount } = await pool.query(
      `select from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
         and state <> 'idle'`,
    );
    if (rowCount === 0) return;
    await sleep(50);
  }
  throw new Error('Postgres is still busy with what the last program left');
}
