import { sql } from 'kysely';
import { createKysely, type Database } from '../db/kysely.js';
import type { Pool } from '../db/pool.js';
import { accountsOf, firstIdSince, type ListFilter, lastIdBefore, patternOf, statesOf } from './filter.js';

export type DeliveryRow = Awaited<ReturnType<typeof findDeliveries>>[number];

/** As in the table's CHECK. */
export const deliveryStates: readonly string[] = [
  'pending',
  'sending',
  'sent',
  'failed',
  'expired',
  'unknown',
  'cancelled',
];

/** The newest first; one more than asked for, to know whether there are more. By default those that are not through. */
export async function findDeliveries(pool: Pool, filter: ListFilter) {
  const db = createKysely(pool);
  const accounts = await accountsOf(db, filter);
  return accounts.length === 0 ? [] : deliveriesQuery(db, filter, accounts).execute();
}

/** Each state is looked for where it is few: nobody's list may read the history through. */
export function deliveriesQuery(db: Database, filter: ListFilter, accounts: readonly string[]) {
  const { openid, limit, code } = filter;
  // Of what was sent the code is 0: the history of it need not be looked through for another.
  const states = statesOf(
    filter,
    deliveryStates.filter((one) => one !== 'sent'),
  ).filter((one, _index, all) => one !== 'sent' || !code || all.length === 1);
  const open = states.filter((one) => ['pending', 'sending'].includes(one));
  const ended = states.filter((one) => one !== 'sent' && !open.includes(one));
  const asked = (of: readonly string[]) => askedDeliveries(db, filter, of);
  // The times again, as ids: by these an index ends where the times do.
  const within = (query: ReturnType<typeof asked>) =>
    query
      .where('d.id', '<=', lastIdBefore('delivery', 'created_at', filter.until))
      .$if(filter.above === undefined, (all) =>
        all.where('d.id', '>=', firstIdSince('delivery', 'created_at', filter.since)),
      );

  // By the user's messages: deliveries have no index by user. As an array: of a user who wrote much the planner would look for them in
  // the whole history.
  const theirs = db
    .selectFrom('wechat.inbound_message as m')
    .select('m.id')
    .where('m.app_id', 'in', accounts)
    .where('m.openid', '=', openid ?? '');
  const ofUser = () => asked(states).where(sql<boolean>`d.message_id = any(array(${theirs}))`);
  // By their partial indexes, of which one gives them by time and one by id, for one account alone.
  const endedOf = (account: string) =>
    asked(ended)
      .where('d.ended_unsent', '=', true)
      .where('d.app_id', '=', account)
      .$call(within)
      .orderBy('d.id', 'desc')
      .limit(limit + 1);
  // From the end: nearly all are sent. Of an account that sends little they are found by its messages, which have an index by account.
  const ofItsMessages = sql<boolean>`d.message_id in (
    select m.id from wechat.inbound_message m where m.app_id = ${filter.account})`;
  const sent = () =>
    asked(['sent'])
      .$if(filter.account !== undefined, (query) => query.where(ofItsMessages))
      .where('d.app_id', 'in', accounts)
      .$call(within)
      .orderBy('d.id', 'desc')
      .limit(limit + 1);

  const found =
    openid !== undefined
      ? [ofUser()]
      : [
          ...(ended.length > 0 ? accounts.map(endedOf) : []),
          ...(open.length > 0 ? [inLanes(db, asked(open), accounts)] : []),
          ...(states.includes('sent') ? [sent()] : []),
        ];
  const all = found
    .map((one) => db.selectFrom(one.as('one')).selectAll())
    .reduce((before, one) => before.unionAll(one));
  return db
    .selectFrom(all.as('d'))
    .selectAll('d')
    .select(sql<string>`wechat.payload_text(d.payload)`.as('text'))
    .orderBy('d.id', 'desc')
    .limit(limit + 1);
}

/** In the lanes. The order keeps the planner to the lane's messages. */
function inLanes(db: Database, asked: ReturnType<typeof askedDeliveries>, accounts: readonly string[]) {
  return db
    .selectFrom('wechat.lane as l')
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('wechat.inbound_message as m')
          .select('m.id')
          .whereRef('m.app_id', '=', 'l.app_id')
          .whereRef('m.openid', '=', 'l.openid')
          .whereRef('m.slot', '=', 'l.slot')
          .whereRef('m.id', '>', 'l.done_id')
          .where('m.settled_at', 'is', null)
          .orderBy('m.id')
          .as('m'),
      (join) => join.onTrue(),
    )
    .innerJoinLateral(
      asked.where('d.message_id', '=', sql.ref<string>('m.id')).orderBy('d.position').as('d'),
      (join) => join.onTrue(),
    )
    .where('l.app_id', 'in', accounts)
    .selectAll('d');
}

function askedDeliveries(db: Database, filter: ListFilter, states: readonly string[]) {
  const { since, until, code, text, type, before, above } = filter;
  let query = db
    .selectFrom('wechat.delivery as d')
    .select([
      'd.id',
      'd.message_id',
      'd.app_id',
      'd.openid',
      'd.status',
      'd.errcode',
      'd.errmsg',
      'd.attempts',
    ])
    .select(['d.created_at', 'd.sent_at', 'd.next_attempt_at', 'd.payload'])
    .select(['d.msg_type', 'd.origin', 'd.agent'])
    .where('d.status', 'in', states)
    .where('d.created_at', '>=', since);
  if (until) query = query.where('d.created_at', '<', until);
  if (code !== undefined) query = query.where('d.errcode', '=', code);
  if (type !== undefined) query = query.where('d.msg_type', '=', type);
  if (before !== undefined) query = query.where('d.id', '<', before);
  if (above !== undefined) query = query.where('d.id', '>', above);
  if (text === undefined) return query;
  const pattern = patternOf(text);
  return query.where((eb) =>
    eb.or([
      eb(sql`d.payload::text`, 'ilike', pattern),
      // Not "exists": the planner would read all messages for that.
      eb(
        eb
          .selectFrom('wechat.inbound_message as m')
          .select('m.content')
          .whereRef('m.id', '=', 'd.message_id'),
        'ilike',
        pattern,
      ),
    ]),
  );
}
