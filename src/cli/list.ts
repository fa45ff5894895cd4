import { count, duration, localTime, print, printJson, shortTime } from './format.js';
import {
  deliveryStates,
  findDeliveries,
  findMessages,
  type ListFilter,
  messageStates,
} from './list-queries.js';
import { inboundText, outboundText } from './message-text.js';
import { type Environment, withDatabase } from './operator-session.js';
import { toTable } from './table.js';
import { UsageError } from './usage-error.js';

export interface ListOptions extends ListFilter {
  environment: Environment;
  what: 'deliveries' | 'messages';
  json: boolean;
}

/** `wechat-outbox list`: deliveries or messages, the newest first; by default those that are not through. */
export async function listCommand({ environment, what, json, ...filter }: ListOptions): Promise<void> {
  const states = what === 'deliveries' ? deliveryStates : messageStates;
  if (filter.state && !states.includes(filter.state))
    throw new UsageError(`The state of ${what} is one of ${states.join(', ')}, not "${filter.state}"`);
  if (what === 'messages' && filter.code !== undefined)
    throw new UsageError('Messages have no errcode: list deliveries by --code');
  await (what === 'deliveries' ? listDeliveries : listMessages)(environment, filter, json);
}

async function listDeliveries(environment: Environment, filter: ListFilter, json: boolean): Promise<void> {
  const found = await withDatabase(environment, (pool) => findDeliveries(pool, filter));
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

async function listMessages(environment: Environment, filter: ListFilter, json: boolean): Promise<void> {
  const found = await withDatabase(environment, (pool) => findMessages(pool, filter));
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
