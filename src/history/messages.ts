import { sql } from 'kysely';
import { createKysely, type Database } from '../db/kysely.js';
import type { Pool } from '../db/pool.js';
import { accountsOf, firstIdSince, type ListFilter, lastIdBefore, patternOf, statesOf } from './filter.js';
import { isFirst, isIts, messageState } from './message-state.js';

export type MessageRow = Awaited<ReturnType<typeof findMessages>>[number];

/** Those of the table, and `answering`: received, and its deliveries are planned. */
export const messageStates: readonly string[] = ['received', 'answering', 'settled', 'failed'];

/** As findDeliveries. */
export async function findMessages(pool: Pool, filter: ListFilter) {
  const db = createKysely(pool);
  const accounts = await accountsOf(db, filter);
  return accounts.length === 0 ? [] : messagesQuery(db, filter, accounts).execute();
}

/** As deliveriesQuery. What a lane failed with last is the error of its first message. */
export function messagesQuery(db: Database, filter: ListFilter, accounts: readonly string[]) {
  const { openid, limit } = filter;
  const states = statesOf(
    filter,
    messageStates.filter((one) => one !== 'settled'),
  );
  const all = sourcesOf(db, filter, accounts, states)
    .map((one) => db.selectFrom(one.as('one')).selectAll())
    .reduce((before, one) => before.unionAll(one));
  const query = db
    .selectFrom(all.as('m'))
    .leftJoin('wechat.lane as l', (join) => join.on(isIts))
    .select(['m.id', 'm.app_id', 'm.openid', 'm.msg_type', 'm.event', 'm.event_key', 'm.content'])
    .select(messageState.as('status'))
    .select(sql<string | null>`coalesce(m.error, case when ${isFirst} then l.error end)`.as('error'))
    .select(['m.received_at', 'm.settled_at', 'l.due_at', 'l.worker_id as claimed_by', 'm.for_agent'])
    .orderBy('m.id', 'desc')
    .limit(limit + 1);
  // The other sources know their states: said again, it would mislead the planner.
  if (openid === undefined) return query;
  const ofUser = query.where(messageState, 'in', states);
  return filter.forAgent === undefined
    ? ofUser
    : ofUser.where(sql<boolean>`(m.status <> 'settled' or m.for_agent = ${filter.forAgent})`);
}

function sourcesOf(db: Database, filter: ListFilter, accounts: readonly string[], states: readonly string[]) {
  const { openid, since, until, limit, forAgent } = filter;
  const asked = () => askedMessages(db, filter);
  const ofAccounts = () => asked().where('m.app_id', 'in', accounts);
  if (openid !== undefined) return [ofAccounts().where('m.openid', '=', openid)];

  const latest = (query: ReturnType<typeof asked>) => query.orderBy('m.id', 'desc').limit(limit + 1);
  // The times again, as ids: by these an index ends where the times do.
  const within = (query: ReturnType<typeof asked>) =>
    query
      .where('m.id', '<=', lastIdBefore('inbound_message', 'received_at', until))
      .$if(filter.above === undefined, (all) =>
        all.where('m.id', '>=', firstIdSince('inbound_message', 'received_at', since)),
      );
  const failedOf = (account: string) =>
    latest(within(asked().where('m.failed', '=', true).where('m.app_id', '=', account)));
  // Few, too, and with an index of their own.
  const leftToPersonOf = (account: string) =>
    latest(within(asked().where('m.for_agent', '=', true).where('m.app_id', '=', account))).where(
      'm.status',
      '=',
      'settled',
    );
  const settled = () => {
    const query = within(ofAccounts().where('m.status', '=', 'settled'));
    return latest(forAgent === undefined ? query : query.where('m.for_agent', '=', forAgent));
  };
  const open = states.filter((one) => one === 'received' || one === 'answering');
  return [
    ...(states.includes('failed') ? accounts.map(failedOf) : []),
    ...(open.length > 0 ? [inLanes(db, filter, accounts, open)] : []),
    ...(states.includes('settled') ? (forAgent ? accounts.map(leftToPersonOf) : [settled()]) : []),
  ];
}

/** Those that are not settled. The order within a lane keeps the planner to the index of conversations. */
function inLanes(db: Database, filter: ListFilter, accounts: readonly string[], states: readonly string[]) {
  const hasReplies = sql<boolean>`exists (select from wechat.delivery d where d.message_id = m.id)`;
  const query = db
    .selectFrom('wechat.lane as l')
    .innerJoinLateral(
      askedMessages(db, filter)
        .where('m.app_id', '=', sql.ref<string>('l.app_id'))
        .where('m.openid', '=', sql.ref<string>('l.openid'))
        .where('m.slot', '=', sql.ref<string>('l.slot'))
        .where('m.id', '>', sql.ref<string>('l.done_id'))
        .where('m.settled_at', 'is', null)
        .orderBy('m.id')
        .as('m'),
      (join) => join.onTrue(),
    )
    .where('l.app_id', 'in', accounts)
    .selectAll('m')
    .orderBy('m.id', 'desc')
    .limit(filter.limit + 1);
  // Here, where it costs a look at an index for each, and not by the function that says their state.
  return states.length === 1 ? query.where(hasReplies, '=', states.includes('answering')) : query;
}

function askedMessages(db: Database, { since, until, text, type, before, above }: ListFilter) {
  let query = db
    .selectFrom('wechat.inbound_message as m')
    .select(['m.id', 'm.app_id', 'm.openid', 'm.slot', 'm.msg_type', 'm.event', 'm.event_key', 'm.content'])
    .select(['m.status', 'm.error', 'm.received_at', 'm.settled_at', 'm.for_agent'])
    .where('m.received_at', '>=', since);
  if (until) query = query.where('m.received_at', '<', until);
  if (before !== undefined) query = query.where('m.id', '<', before);
  if (above !== undefined) query = query.where('m.id', '>', above);
  if (type !== undefined) {
    const [kind = '', event] = type.split(':');
    query = query.where('m.msg_type', '=', kind);
    // Stored in lower case, however WeChat writes it.
    if (event !== undefined) query = query.where('m.event', '=', event.toLowerCase());
  }
  if (text !== undefined) query = query.where('m.content', 'ilike', patternOf(text));
  return query;
}
