import { column } from '../../db/column.js';
import { batchFailure } from '../../db/errors.js';
import type { Pool } from '../../db/pool.js';
import { type Batcher, createBatcher } from '../../lib/batcher.js';
import type { Subject } from '../context.js';
import type { Turn } from '../router.js';
import { ContextError } from './errors.js';

/** More of them are no conversation, but an export. */
const maxTurns = 500;

/** Messages and events of the user that are looked at for them: where they are events nearly all, there may be fewer turns. */
const maxLookedAt = 1_000;

/**
 * For many conversations at once: both directions, the latest first, along the index of each conversation; deliveries are found by
 * their messages. Events say nothing and are no turns, but what was sent on them is. What never reached the user was not said: a
 * delivery that was refused, cancelled or is still to be sent. Messages that are answered together with this one are not before it.
 */
const historySql = `
  select asked.n::int, turn.id, turn.speaker, date_part('epoch', turn.at) as at, turn.type, turn.text, turn.agent
  from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality as asked (app_id, openid, before_id, n)
  cross join lateral (
    select m.id, said.position, said.speaker, said.at, said.type, said.text, said.agent
    from (
      select m.id, m.msg_type, m.content, m.received_at from wechat.inbound_message m
      where m.app_id = asked.app_id and m.openid = asked.openid and m.id < asked.before_id and m.forgotten_at is null
        and m.merged_into is distinct from asked.before_id
      order by m.id desc limit ${maxLookedAt}
    ) m
    cross join lateral (
      select 0 as position, 'user' as speaker, m.received_at as at, m.msg_type as type, m.content as text, null as agent
      where m.msg_type <> 'event'
      union all
      select d.position, case d.origin when 'agent' then 'agent' else 'replies' end,
        coalesce(d.sent_at, d.attempt_started_at, d.created_at), d.msg_type,
        case when d.msg_type = 'text' then wechat.payload_text(d.payload)
          else nullif(wechat.payload_text(d.payload), '[' || d.msg_type || ']')
        end, d.agent
      from wechat.delivery d
      where d.message_id = m.id and d.status in ('sent', 'sending', 'unknown')
    ) said
    order by m.id desc, said.position desc limit $4
  ) turn
  order by asked.n, turn.id, turn.position`;

interface Row {
  /** Which conversation, from 1. */
  n: number;
  id: string;
  speaker: Turn['from'];
  /** In seconds since 1970. */
  at: number;
  type: string;
  text: string | null;
  agent: string | null;
}

/** Turns that one statement may bring, about: more of them are no quicker together, and hold up the others. */
const maxTurnsTogether = 5_000;

/** While one is under way, what is asked for shares the next; a user waits for each, so it waits for one of two. */
const maxConcurrent = 2;

export interface HistoryDependencies {
  pool: Pool;
  /** Once aborted, a database that is away is waited for no longer. */
  giveUp: AbortSignal;
}

/** What was said in a conversation before a message, oldest first: the last so many turns. Asked for at once, many share a statement. */
export function createHistory({
  pool,
  giveUp,
}: HistoryDependencies): (subject: Subject, turns: number) => Promise<readonly Turn[]> {
  /** By the number of turns: who asks for few must not wait for who asks for many. */
  const batchers = new Map<number, Batcher<Subject, readonly Turn[]>>();

  function batcherOf(turns: number): Batcher<Subject, readonly Turn[]> {
    const known = batchers.get(turns);
    if (known) return known;
    const batcher = createBatcher<Subject, readonly Turn[]>({
      run: (subjects) => read(pool, subjects, turns),
      classify: batchFailure,
      maxItems: Math.max(1, Math.floor(maxTurnsTogether / turns)),
      maxConcurrent,
      giveUp,
    });
    batchers.set(turns, batcher);
    return batcher;
  }

  return async (subject, turns) => {
    if (!Number.isInteger(turns) || turns < 0 || turns > maxTurns)
      throw new ContextError(`history({ turns }): ${turns} is no whole number from 0 to ${maxTurns}`);
    return turns === 0 ? [] : batcherOf(turns).add(subject);
  };
}

async function read(pool: Pool, subjects: readonly Subject[], turns: number): Promise<Turn[][]> {
  const { rows } = await pool.query<Row>({
    name: 'history',
    text: historySql,
    values: [
      column(subjects, ({ account }) => account.appId),
      column(subjects, ({ openid }) => openid),
      column(subjects, ({ messageId }) => messageId),
      turns,
    ],
  });
  const histories: Turn[][] = subjects.map(() => []);
  for (const { n, id, speaker, at, type, text, agent } of rows) {
    histories[n - 1]?.push({
      from: speaker,
      at: new Date(at * 1_000),
      type,
      text: text ?? undefined,
      agent: agent ?? undefined,
      messageId: id,
    });
  }
  return histories;
}
