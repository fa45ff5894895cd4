import { sql } from 'kysely';
import { createKysely, type Database } from '../db/kysely.js';
import type { Pool } from '../db/pool.js';
import type { Backlog } from '../observe/snapshot.js';
import { accountsOf } from './filter.js';

export type Status = Awaited<ReturnType<typeof readStatus>>;

/** One after another: a command has one connection. */
export async function readStatus(pool: Pool) {
  const db = createKysely(pool);
  const accounts = await accountsOf(db, {});
  const { now } = await db.selectNoFrom(sql<Date>`now()`.as('now')).executeTakeFirstOrThrow();
  return {
    now,
    /** In the words of the metrics. */
    backlog: await readBacklog(db),
    oldest: await oldestQuery(db).executeTakeFirst(),
    rates: await readRates(db, accounts),
    /** Messages of the last 24 h for which the reply logic failed for good. */
    failedMessages: accounts.length === 0 ? 0 : await countFailedMessages(db, accounts),
    failures: accounts.length === 0 ? [] : await failuresQuery(db, accounts).execute(),
    tokens: await readCredentials(db),
    workers: await workersQuery(db).execute(),
  };
}

/** Until now, or from now on. */
const sinceMs = (time: string) =>
  sql<number>`(extract(epoch from now() - ${sql.ref(time)}) * 1000)::double precision`;
const untilMs = (time: string) =>
  sql<number>`(extract(epoch from ${sql.ref(time)} - now()) * 1000)::double precision`;
const ago = (minutes: number) => sql<Date>`now() - ${minutes} * interval '1 minute'`;
const dayMinutes = 24 * 60;

type BacklogRow = Pick<Backlog, 'state'> & { account: string; messages: number; oldestMs: number };

async function readBacklog(db: Database): Promise<BacklogRow[]> {
  const { rows } = await sql<BacklogRow>`
    select app_id as account, state, messages::int, ${sinceMs('oldest_at')} as "oldestMs"
    from wechat.backlog() order by 1, 2`.execute(db);
  return rows;
}

/** A lane of which only duplicates came has no message, so it takes a few to be sure of one. */
export function oldestQuery(db: Database) {
  return db
    .selectFrom((eb) =>
      eb.selectFrom('wechat.lane').selectAll().orderBy('waiting_since').orderBy('id').limit(20).as('l'),
    )
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('wechat.inbound_message as m')
          .select(['m.id', 'm.openid'])
          .whereRef('m.app_id', '=', 'l.app_id')
          .whereRef('m.openid', '=', 'l.openid')
          .whereRef('m.slot', '=', 'l.slot')
          .whereRef('m.id', '>', 'l.done_id')
          .where('m.settled_at', 'is', null)
          .orderBy('m.id')
          .limit(1)
          .as('m'),
      (join) => join.onTrue(),
    )
    .select(['m.id', 'm.openid', sinceMs('l.waiting_since').as('ageMs')])
    .select((eb) => [
      eb.fn
        .coalesce(
          eb
            .selectFrom('wechat.delivery as d')
            .select('d.errmsg')
            .whereRef('d.message_id', '=', 'm.id')
            .where('d.status', 'in', ['pending', 'sending'])
            .orderBy('d.position')
            .limit(1),
          'l.error',
        )
        .as('error'),
    ])
    .orderBy('l.waiting_since')
    .orderBy('l.id')
    .limit(1);
}

const spans = [1, 5, 60];

async function readRates(db: Database, accounts: readonly string[]) {
  const received = await receivedQuery(db).executeTakeFirstOrThrow();
  const sent = await sentQuery(db).executeTakeFirstOrThrow();
  const failed = accounts.length === 0 ? undefined : await failedQuery(db, accounts).executeTakeFirst();
  return spans.map((minutes) => ({
    minutes,
    received: received[`of${minutes}`] ?? 0,
    sent: sent[`of${minutes}`] ?? 0,
    failed: failed?.[`of${minutes}`] ?? 0,
  }));
}

/** How many of the rows are of each span, as `of1`, `of5` and `of60`. */
const counts = (time: string) =>
  spans.map((minutes) =>
    sql<number>`count(*) filter (where ${sql.ref(time)} > ${ago(minutes)})::integer`.as(`of${minutes}`),
  );
const longest = Math.max(...spans);

export function receivedQuery(db: Database) {
  return db
    .selectFrom('wechat.inbound_message')
    .select(counts('received_at'))
    .where('received_at', '>', ago(longest));
}

/** Replies are sent within minutes, or are retried for hours: the lower limit of created_at is for the index. */
export function sentQuery(db: Database) {
  return db
    .selectFrom('wechat.delivery')
    .select(counts('sent_at'))
    .where('created_at', '>', ago(3 * 60));
}

export function failedQuery(db: Database, accounts: readonly string[]) {
  return db
    .selectFrom('wechat.delivery')
    .select(counts('created_at'))
    .where('ended_unsent', '=', true)
    .where('app_id', 'in', accounts)
    .where('created_at', '>', ago(longest))
    .where('status', '<>', 'cancelled');
}

export function failedMessagesQuery(db: Database, accounts: readonly string[]) {
  return db
    .selectFrom('wechat.inbound_message')
    .select((eb) => eb.cast<number>(eb.fn.countAll(), 'integer').as('messages'))
    .where('failed', '=', true)
    .where('app_id', 'in', accounts)
    .where('received_at', '>', ago(dayMinutes));
}

async function countFailedMessages(db: Database, accounts: readonly string[]): Promise<number> {
  return (await failedMessagesQuery(db, accounts).executeTakeFirstOrThrow()).messages;
}

/** Of the last 24 h. */
export function failuresQuery(db: Database, accounts: readonly string[]) {
  return db
    .selectFrom('wechat.delivery')
    .select(['app_id as account', 'status as state', 'errcode'])
    .select((eb) => [
      eb.cast<number>(eb.fn.countAll(), 'integer').as('deliveries'),
      eb.fn.max('created_at').as('latestAt'),
      sql<string | null>`(array_agg(errmsg order by id desc))[1]`.as('errmsg'),
    ])
    .where('ended_unsent', '=', true)
    .where('app_id', 'in', accounts)
    .where('created_at', '>', ago(dayMinutes))
    .groupBy(['app_id', 'status', 'errcode'])
    .orderBy('deliveries', 'desc')
    .orderBy('app_id')
    .orderBy('status')
    .orderBy('errcode');
}

function readCredentials(db: Database) {
  return db
    .selectFrom('wechat.credential')
    .select([
      'app_id as account',
      'kind',
      'refreshed_at as refreshedAt',
      untilMs('expires_at').as('expiresInMs'),
    ])
    .where('version', '>', '0')
    .orderBy('app_id')
    .orderBy('kind')
    .execute();
}

/** A worker is alive while it holds its lock. In hand it has one message of each lane that it holds. */
export function workersQuery(db: Database) {
  const holdsLock = sql<boolean>`wechat.worker_lives(w.id)`;
  return db
    .selectFrom('wechat.worker_process as w')
    .select(['w.id', 'w.hostname', 'w.pid', 'w.started_at as startedAt'])
    .select((eb) => [
      eb.and([eb('w.missing_since', 'is', null), holdsLock]).as('isAlive'),
      eb
        .cast<number>(
          eb
            .selectFrom('wechat.lane as l')
            .select((lane) => lane.fn.countAll().as('held'))
            .whereRef('l.worker_id', '=', 'w.id'),
          'integer',
        )
        .as('held'),
    ])
    .where('w.ended_at', 'is', null)
    .orderBy('w.id');
}
