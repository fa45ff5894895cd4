import type { WirePayload } from '../wechat/out/reply.js';
import { count, duration, localTime, print, printJson, shortTime } from './format.js';
import { inboundText, outboundText } from './message-text.js';
import { type Environment, withDatabase } from './operator-session.js';
import { toTable } from './table.js';
import { UsageError } from './usage-error.js';

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

export interface ListOptions extends ListFilter {
  environment: Environment;
  what: 'deliveries' | 'messages';
  json: boolean;
}

export const deliveryStates = ['pending', 'sending', 'sent', 'failed', 'expired', 'unknown', 'cancelled'];
export const messageStates = ['received', 'answering', 'settled', 'failed'];

/** `wechat-outbox list`: deliveries or messages, the newest first; by default those that are not through. */
export async function listCommand({ environment, what, json, ...filter }: ListOptions): Promise<void> {
  const states = what === 'deliveries' ? deliveryStates : messageStates;
  if (filter.state && !states.includes(filter.state))
    throw new UsageError(`The state of ${what} is one of ${states.join(', ')}, not "${filter.state}"`);
  if (what === 'messages' && filter.code !== undefined)
    throw new UsageError('Messages have no errcode: list deliveries by --code');
  await (what === 'deliveries' ? listDeliveries : listMessages)(environment, filter, json);
}

/** One more than asked for, to know whether there are more. */
const deliveriesSql = `
  select d.id, d.message_id, d.app_id, d.openid, d.status, d.errcode, d.errmsg, d.attempts, d.created_at, d.sent_at,
    d.next_attempt_at, d.payload
  from wechat.delivery d
  where d.status = any($1) and ($2::text is null or d.app_id = $2) and d.created_at >= $5
    and ($3::text is null or d.message_id in (
      select m.id from wechat.inbound_message m
      where m.app_id = any(array(select wechat.accounts())) and m.openid = $3))
    and ($4::int is null or d.errcode = $4)
    and ($6::timestamptz is null or d.created_at < $6)
    and ($7::text is null or d.payload::text ilike $7 or exists (
      select from wechat.inbound_message m where m.id = d.message_id and m.content ilike $7))
  order by d.id desc limit $8`;

interface DeliveryRow {
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

async function listDeliveries(environment: Environment, filter: ListFilter, json: boolean): Promise<void> {
  const states = filter.state ? [filter.state] : deliveryStates.filter((state) => state !== 'sent');
  const found = await withDatabase(environment, async (pool) => {
    const values = [
      states,
      filter.account ?? null,
      filter.openid ?? null,
      filter.code ?? null,
      filter.since,
      filter.until ?? null,
      pattern(filter.text),
      filter.limit + 1,
    ];
    return (await pool.query<DeliveryRow>(deliveriesSql, values)).rows;
  });
  const rows = found.slice(0, filter.limit);
  if (json) return printJson(rows);
  const columns = [
    { title: 'delivery', align: 'right' as const },
    { title: 'message', align: 'right' as const },
    { title: 'planned' },
    { title: 'openid', flexible: true },
    { title: 'state' },
    { title: 'errcode', align: 'right' as const },
    { title: 'tries', align: 'right' as const },
    { title: 'text', flexible: true },
    { title: 'errmsg', flexible: true },
  ];
  printFound(
    filter,
    found.length,
    'delivery',
    'deliveries',
    toTable(
      columns,
      rows.map((row) => [
        row.id,
        row.message_id,
        shortTime(row.created_at),
        row.openid,
        row.status,
        row.errcode === null ? '' : String(row.errcode),
        String(row.attempts),
        outboundText(row.payload),
        row.errmsg ?? '',
      ]),
    ),
  );
}

const messagesSql = `
  select m.id, m.app_id, m.openid, m.msg_type, m.event, m.event_key, m.content, m.status, m.error, m.received_at,
    m.settled_at, m.due_at, m.claimed_by
  from wechat.inbound_message m
  where m.status = any($1) and ($2::text is null or m.app_id = $2) and m.received_at >= $4
    and ($3::text is null or (m.openid = $3 and m.app_id = any(array(select wechat.accounts()))))
    and ($5::timestamptz is null or m.received_at < $5)
    and ($6::text is null or m.content ilike $6)
  order by m.id desc limit $7`;

interface MessageRow {
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
}

async function listMessages(environment: Environment, filter: ListFilter, json: boolean): Promise<void> {
  const states = filter.state ? [filter.state] : messageStates.filter((state) => state !== 'settled');
  const found = await withDatabase(environment, async (pool) => {
    const values = [
      states,
      filter.account ?? null,
      filter.openid ?? null,
      filter.since,
      filter.until ?? null,
      pattern(filter.text),
      filter.limit + 1,
    ];
    return (await pool.query<MessageRow>(messagesSql, values)).rows;
  });
  const rows = found.slice(0, filter.limit);
  if (json) return printJson(rows);
  const columns = [
    { title: 'message', align: 'right' as const },
    { title: 'received' },
    { title: 'openid', flexible: true },
    { title: 'state' },
    { title: 'took', align: 'right' as const },
    { title: 'text', flexible: true },
    { title: 'error', flexible: true },
  ];
  printFound(
    filter,
    found.length,
    'message',
    'messages',
    toTable(
      columns,
      rows.map((row) => [
        row.id,
        shortTime(row.received_at),
        row.openid,
        row.status,
        row.settled_at ? duration(row.settled_at.getTime() - row.received_at.getTime()) : '',
        inboundText(row),
        row.error ?? '',
      ]),
    ),
  );
}

function printFound(filter: ListFilter, found: number, one: string, many: string, table: string): void {
  const { since, limit } = filter;
  if (found === 0) {
    print(`no ${many} of this kind since ${localTime(since)}`);
    return;
  }
  print(table);
  const shown = Math.min(found, limit);
  print(
    `\n${count(shown, one, many)} since ${localTime(since)}${found > limit ? `; there are more: --limit ${limit * 10}` : ''}`,
  );
}

/** For ILIKE: the text as it stands, whatever it holds. */
function pattern(text: string | undefined): string | null {
  return text === undefined ? null : `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}
