import { type RawBuilder, sql } from 'kysely';
import { createKysely } from '../../db/kysely.js';
import type { Pool } from '../../db/pool.js';
import { deliveryStatuses } from '../../outbox/states.js';
import type { WirePayload } from '../../wechat/out/reply.js';

export interface ListFilter {
  state?: string | undefined;
  account?: string | undefined;
  openid?: string | undefined;
  code?: number | undefined;
  since: Date;
  until?: Date | undefined;
  text?: string | undefined;
  limit: number;
}

export interface DeliveryRow {
  id: string;
  message_id: string;
  app_id: string;
  openid: string;
  status: string;
  errcode: number | null;
  errmsg: string | null;
  attempts: number;
  created_at: Date;
  sent_at: Date | null;
  next_attempt_at: Date | null;
  payload: WirePayload;
}

export interface MessageRow {
  id: string;
  app_id: string;
  openid: string;
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
  status: string;
  error: string | null;
  received_at: Date;
  settled_at: Date | null;
  /** Of its conversation, while it is not settled. */
  due_at: Date | null;
  claimed_by: number | null;
}

export const deliveryStates: readonly string[] = deliveryStatuses;
export const messageStates: readonly string[] = ['received', 'answering', 'settled', 'failed'];

const openDeliveries = ['pending', 'sending'];
const openMessages = ['received', 'answering'];

/** The newest first; one more than asked for, to know whether there are more. By default those that are not through. */
export async function findDeliveries(pool: Pool, filter: ListFilter): Promise<DeliveryRow[]> {
  return (await deliveriesQuery(filter).execute(createKysely(pool))).rows;
}

export async function findMessages(pool: Pool, filter: ListFilter): Promise<MessageRow[]> {
  return (await messagesQuery(filter).execute(createKysely(pool))).rows;
}

const deliveryColumns = sql`d.id, d.message_id, d.app_id, d.openid, d.status, d.errcode, d.errmsg, d.attempts, d.created_at,
  d.sent_at, d.next_attempt_at, d.payload`;

/**
 * Each state is looked for where it is few: what ended unsent by its partial index, account by account, since only so the
 * index gives them in the order of time; what is open in the lanes; a user's by their messages. What was sent is nearly all,
 * so it is found from the end.
 */
export function deliveriesQuery(filter: ListFilter): RawBuilder<DeliveryRow> {
  const states = filter.state ? [filter.state] : deliveryStates.filter((state) => state !== 'sent');
  const text = pattern(filter.text);
  const matches = all([
    sql`d.status = any(${states}::text[]) and d.created_at >= ${filter.since}`,
    filter.until && sql`d.created_at < ${filter.until}`,
    filter.code === undefined ? undefined : sql`d.errcode = ${filter.code}`,
    text &&
      sql`(d.payload::text ilike ${text} or exists (
        select from wechat.inbound_message m where m.id = d.message_id and m.content ilike ${text}))`,
  ]);
  const accounts = accountsOf(filter);
  const limit = filter.limit + 1;

  const ofUser = sql`
    select ${deliveryColumns} from wechat.inbound_message m join wechat.delivery d on d.message_id = m.id
    where m.app_id = any(${accounts}) and m.openid = ${filter.openid} and ${matches}`;
  const ended = sql`
    select d.* from unnest(${accounts}) account (id) cross join lateral (
      select ${deliveryColumns} from wechat.delivery d where d.ended_unsent and d.app_id = account.id and ${matches}
      order by d.created_at desc, d.id desc limit ${limit}) d`;
  const open = sql`
    select d.* from wechat.lane l
    cross join lateral (${openOf(sql`m.id`)}) m
    cross join lateral (
      select ${deliveryColumns} from wechat.delivery d
      where d.message_id = m.id and d.status in ('pending', 'sending') and ${matches} order by d.position) d
    where l.app_id = any(${accounts})`;
  const sent = sql`
    (select ${deliveryColumns} from wechat.delivery d
     where d.app_id = any(${accounts}) and d.status = 'sent' and ${matches}
     order by d.id desc limit ${limit})`;

  const isOpen = (state: string) => openDeliveries.includes(state);
  const isEnded = (state: string) => !isOpen(state) && state !== 'sent';
  const sources =
    filter.openid !== undefined
      ? [ofUser]
      : [
          ...(states.some(isEnded) ? [ended] : []),
          ...(states.some(isOpen) ? [open] : []),
          ...(states.includes('sent') ? [sent] : []),
        ];
  return sql<DeliveryRow>`
    select * from (${sql.join(sources, sql` union all `)}) found order by created_at desc, id desc limit ${limit}`;
}

const messageColumns = sql`m.id, m.app_id, m.openid, m.msg_type, m.event, m.event_key, m.content, m.status, m.error,
  m.received_at, m.settled_at, m.slot`;

/** As deliveriesQuery. What a lane failed with last is the error of its first message. */
export function messagesQuery(filter: ListFilter): RawBuilder<MessageRow> {
  const states = filter.state ? [filter.state] : messageStates.filter((state) => state !== 'settled');
  const text = pattern(filter.text);
  const matches = all([
    sql`m.received_at >= ${filter.since}`,
    filter.until && sql`m.received_at < ${filter.until}`,
    text && sql`m.content ilike ${text}`,
  ]);
  const accounts = accountsOf(filter);
  const limit = filter.limit + 1;

  const ofUser = sql`
    select ${messageColumns} from wechat.inbound_message m
    where m.app_id = any(${accounts}) and m.openid = ${filter.openid} and ${matches}`;
  const failed = sql`
    select m.* from unnest(${accounts}) account (id) cross join lateral (
      select ${messageColumns} from wechat.inbound_message m where m.failed and m.app_id = account.id and ${matches}
      order by m.id desc limit ${limit}) m`;
  const open = sql`
    select m.* from wechat.lane l cross join lateral (${openOf(messageColumns)}) m
    where l.app_id = any(${accounts}) and ${matches}`;
  const settled = sql`
    (select ${messageColumns} from wechat.inbound_message m
     where m.app_id = any(${accounts}) and m.status = 'settled' and ${matches} order by m.id desc limit ${limit})`;

  const sources =
    filter.openid !== undefined
      ? [ofUser]
      : [
          ...(states.includes('failed') ? [failed] : []),
          ...(states.some((state) => openMessages.includes(state)) ? [open] : []),
          ...(states.includes('settled') ? [settled] : []),
        ];
  return sql<MessageRow>`
    select found.id, found.app_id, found.openid, found.msg_type, found.event, found.event_key, found.content, found.state as status,
      coalesce(found.error, case when not exists (
        select from wechat.inbound_message earlier
        where earlier.app_id = l.app_id and earlier.openid = l.openid and earlier.slot = l.slot and earlier.id > l.done_id
          and earlier.id < found.id and earlier.settled_at is null) then l.error end) as error,
      found.received_at, found.settled_at, l.due_at, l.worker_id as claimed_by
    from (
      select m.*, case when m.settled_at is null then wechat.unsettled_state(m.id) else m.status end as state
      from (${sql.join(sources, sql` union all `)}) m
    ) found
    left join wechat.lane l
      on found.settled_at is null and (l.app_id, l.openid, l.slot) = (found.app_id, found.openid, found.slot)
    where found.state = any(${states}::text[])
    order by found.id desc limit ${limit}`;
}

/** The unsettled messages of the lane l. The order keeps the planner to the index of conversations. */
function openOf(columns: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select ${columns} from wechat.inbound_message m
    where m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id and m.settled_at is null
    order by m.id`;
}

function accountsOf({ account }: ListFilter): RawBuilder<unknown> {
  return account === undefined ? sql`array(select wechat.accounts())` : sql`array[${account}]::text[]`;
}

function all(conditions: readonly (RawBuilder<unknown> | undefined | '')[]): RawBuilder<unknown> {
  return sql.join(
    conditions.filter((one) => one !== undefined && one !== ''),
    sql` and `,
  );
}

/** For ILIKE: the text as it stands, whatever it holds. */
function pattern(text: string | undefined): string | undefined {
  return text === undefined ? undefined : `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}
