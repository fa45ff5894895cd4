import { sql } from 'kysely';
import { createKysely } from '../../../db/kysely.js';
import type { Pool } from '../../../db/pool.js';
import { deliveriesQuery } from '../../../history/deliveries.js';
import { accountsOf, type ListFilter } from '../../../history/filter.js';
import { messagesQuery } from '../../../history/messages.js';
import type { BulkRequest } from '../../contract/history.js';
import type { BulkResult } from '../words/forms.js';

/** Not more than this in one go. */
export const bulkLimit = 10_000;

export interface Judged {
  id: string;
  result: BulkResult;
}

interface Client {
  query: Pool['query'];
}

/** What may be done with many at once, by the SQL functions that the commands call. */
export interface BulkKind {
  of: 'deliveries' | 'messages';
  /** Which states may be asked for, and which are meant where none is said. */
  states: readonly string[];
  otherwise: readonly string[];
  /** What would become of each, changing nothing. */
  judge(pool: Client, ids: readonly string[]): Promise<Judged[]>;
  /** In the transaction of the caller. */
  run(client: Client, ids: readonly string[], force: boolean): Promise<Judged[]>;
}

async function ask(client: Client, text: string, values: unknown[]): Promise<Judged[]> {
  return (await client.query<Judged>(text, values)).rows;
}

/** As wechat.cancel_many and wechat.cancel_message will say, but for what changes until then. */
const judgeCancelSql = (table: 'delivery' | 'inbound_message') => `
  select asked.id::text as id,
    case
      when row.id is null then 'not_found'
      when ${table === 'delivery' ? `row.status not in ('pending', 'sending')` : 'row.settled_at is not null'} then 'final'
      when l.claim is not null then 'in_hand'
      else 'ready'
    end as result
  from unnest($1::bigint[]) as asked (id)
  left join wechat.${table} row on row.id = asked.id
  left join wechat.inbound_message m on m.id = ${table === 'delivery' ? 'row.message_id' : 'row.id'}
  left join wechat.lane l on (l.app_id, l.openid, l.slot) = (m.app_id, m.openid, m.slot)`;

export const bulkKinds: Readonly<Record<BulkRequest['action'], BulkKind>> = {
  requeue: {
    of: 'deliveries',
    states: ['failed', 'expired', 'unknown', 'cancelled'],
    otherwise: ['failed'],
    judge: (client, ids) =>
      ask(client, 'select delivery_id::text as id, verdict as result from wechat.requeue_verdict($1)', [ids]),
    run: (client, ids, force) =>
      ask(client, 'select delivery_id::text as id, result from wechat.requeue_many($1, $2)', [ids, force]),
  },
  requeue_messages: {
    of: 'messages',
    states: ['failed'],
    otherwise: ['failed'],
    judge: (client, ids) =>
      ask(
        client,
        'select message_id::text as id, verdict as result from wechat.requeue_message_verdict($1)',
        [ids],
      ),
    run: (client, ids, force) =>
      ask(client, 'select message_id::text as id, result from wechat.requeue_messages($1, $2)', [ids, force]),
  },
  cancel: {
    of: 'deliveries',
    states: ['pending', 'sending'],
    otherwise: ['pending', 'sending'],
    judge: (client, ids) => ask(client, judgeCancelSql('delivery'), [ids]),
    run: (client, ids) =>
      ask(client, 'select delivery_id::text as id, result from wechat.cancel_many($1)', [ids]),
  },
  cancel_messages: {
    of: 'messages',
    states: ['received', 'answering'],
    otherwise: ['received', 'answering'],
    judge: (client, ids) => ask(client, judgeCancelSql('inbound_message'), [ids]),
    run: (client, ids) =>
      ask(
        client,
        'select id::text as id, wechat.cancel_message(id) as result from unnest($1::bigint[]) as listed (id)',
        [ids],
      ),
  },
};

/** The newest `filter.limit` that match, oldest first: the order in which they came is the one in which they are done. */
export async function chooseIds(pool: Pool, of: BulkKind['of'], filter: ListFilter): Promise<string[]> {
  const db = createKysely(pool);
  const accounts = await accountsOf(db, filter);
  if (accounts.length === 0) return [];
  const list =
    of === 'deliveries' ? deliveriesQuery(db, filter, accounts) : messagesQuery(db, filter, accounts);
  const { rows } = await sql<{ id: string }>`
    select id::text as id from (${list}) as listed order by listed.id desc limit ${filter.limit}`.execute(db);
  return rows.map(({ id }) => id).reverse();
}

const sliceSize = 1_000;

export async function judgeAll(pool: Pool, kind: BulkKind, ids: readonly string[]): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const slice of slices(ids, sliceSize)) judged.push(...(await kind.judge(pool, slice)));
  return judged;
}

export function slices(ids: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, index) =>
    ids.slice(index * size, (index + 1) * size),
  );
}

/** How many of each result, the most first. */
export function countResults(results: readonly BulkResult[]): { result: BulkResult; count: number }[] {
  const counts = new Map<BulkResult, number>();
  for (const result of results) counts.set(result, (counts.get(result) ?? 0) + 1);
  return [...counts].map(([result, count]) => ({ result, count })).sort((a, b) => b.count - a.count);
}
