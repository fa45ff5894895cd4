import { sql } from 'kysely';
import { createKysely } from '../../../db/kysely.js';
import type { Pool } from '../../../db/pool.js';
import { lastIdAt } from '../../../history/filter.js';
import type { ConversationState } from '../../contract/conversations.js';
import { quietAfterMs } from './state.js';

export interface ListQuery {
  state: ConversationState | undefined;
  account: string | undefined;
  /** An openid, or a part of one. */
  q: string | undefined;
  /** Only what this agent holds. */
  agent: string | undefined;
  unread: boolean;
  before: string | undefined;
  limit: number;
}

// A conversation is found by its head: the latest message of its user, whose id is the place in the list.

/** Held by somebody, or waiting for it: there are as many as agents can do with, so all of them are looked at. */
export async function findHeld(pool: Pool, query: ListQuery): Promise<string[]> {
  const { account, state, agent, q, unread, before, limit } = query;
  const { rows } = await pool.query<{ id: string }>(
    `select head.id
     from wechat.handover h
     cross join lateral (
       select m.id from wechat.inbound_message m
       where m.app_id = h.app_id and m.openid = h.openid order by m.id desc limit 1
     ) head
     where ($1::text is null or h.app_id = $1)
       and ($2::boolean is null or (h.agent is null and h.external is null) = $2)
       and ($3::text is null or h.agent = $3)
       and ($4::text is null or h.openid ilike $4)
       and (not $5::boolean or exists (
         select from wechat.inbound_message u
         where u.app_id = h.app_id and u.openid = h.openid and u.id > h.read_up_to and u.msg_type <> 'event'))
       and ($6::bigint is null or head.id < $6)
     order by head.id desc limit $7`,
    [
      account ?? null,
      state === 'waiting' ? true : state === 'taken' ? false : null,
      agent ?? null,
      patternOf(q),
      unread,
      before ?? null,
      limit,
    ],
  );
  return rows.map(({ id }) => id);
}

/** The conversations of just this user, by index. */
export async function findOfUser(pool: Pool, openid: string, account: string | undefined): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select head.id
     from (select $2::text as app_id where $2::text is not null
           union all select wechat.accounts() where $2::text is null) account
     cross join lateral (
       select m.id, m.forgotten_at from wechat.inbound_message m
       where m.app_id = account.app_id and m.openid = $1 order by m.id desc limit 1
     ) head
     where head.forgotten_at is null`,
    [openid, account ?? null],
  );
  return rows.map(({ id }) => id);
}

interface Step {
  looked: number;
  reached: string | null;
  is_past: boolean | null;
  heads: string[];
}

/** Messages that the first statement looks at; mostly it finds a page. Each that follows looks at twice as many, up to the most. */
const firstStep = 500;
const longestStep = 4_000;
/** After so long no other is begun: a page is what was found until then, and the next begins where it ended. */
const longestMs = 100;

/**
 * Back over the latest messages by id: of each user the latest of the step, and that only where it is the latest of all.
 *
 * $1 below this id · $2 account · $3 pattern of the openid · $4 what came before it is quiet · $5 bot, quiet or null · $6 at most
 * · $7 messages
 */
const stepSql = `
  with step as materialized (
    select m.id, m.app_id, m.openid, m.received_at, m.forgotten_at from wechat.inbound_message m
    where m.id < $1::bigint order by m.id desc limit $7
  ),
  one as materialized (
    select max(id) as id, app_id, openid from step
    where forgotten_at is null and ($2::text is null or app_id = $2) and ($3::text is null or openid ilike $3)
      and ($5::text is null or (received_at < $4::timestamptz) = ($5 = 'quiet'))
    group by app_id, openid
  )
  select (select count(*)::int from step) as looked, (select min(id) from step) as reached,
    (select bool_or(received_at < $4) from step) as is_past,
    array(
      -- In this order, so that of each a look is taken only until the page is full.
      select one.id::text from (select * from one order by id desc) one
      where (
          select m.id from wechat.inbound_message m
          where m.app_id = one.app_id and m.openid = one.openid order by m.id desc limit 1) = one.id
        and ($5::text is null or not exists (
          select from wechat.handover h where h.app_id = one.app_id and h.openid = one.openid))
      limit $6) as heads`;

/** @returns `next`: what `before` must be to go on; null where nothing is left */
export async function walk(pool: Pool, query: ListQuery): Promise<{ ids: string[]; next: string | null }> {
  const { account, q, state, limit } = query;
  const quietBefore = new Date(Date.now() - quietAfterMs);
  let before = query.before ?? (state === 'quiet' ? await endOf(pool, quietBefore) : endless);
  const ids: string[] = [];
  const startedAt = performance.now();
  for (
    let size = firstStep;
    performance.now() - startedAt < longestMs;
    size = Math.min(2 * size, longestStep)
  ) {
    const { rows } = await pool.query<Step>(stepSql, [
      before,
      account ?? null,
      patternOf(q),
      quietBefore,
      state ?? null,
      limit - ids.length,
      size,
    ]);
    const [step] = rows;
    if (!step) break;
    ids.push(...step.heads);
    if (ids.length >= limit) return { ids, next: ids.at(-1) ?? null };
    // Of what is older yet, all is quiet.
    if (step.looked < size || step.reached === null || (state === 'bot' && step.is_past))
      return { ids, next: null };
    before = step.reached;
  }
  return { ids, next: before };
}

const endless = '9223372036854775807';

/** The id behind the last that came before this time. */
async function endOf(pool: Pool, time: Date): Promise<string> {
  const last = lastIdAt('inbound_message', 'received_at', time);
  const { rows } = await sql<{ id: string | null }>`select ${last} + 1 as id`.execute(createKysely(pool));
  return rows[0]?.id ?? endless;
}

/** For ILIKE: the text as it stands, whatever it holds. */
function patternOf(text: string | undefined): string | null {
  return text === undefined ? null : `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}
