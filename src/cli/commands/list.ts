import { Argument, type Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { DeliveryRow, ListFilter, MessageRow } from '../history/list.js';
import { parseCode, parseCount, parseTime } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { count, duration, localTime, shortTime } from '../terminal/format.js';
import { accountOption, type Json, jsonOption } from '../terminal/options.js';
import { print, printJson, printTable } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

type What = 'deliveries' | 'messages';
type Flags = Json & Omit<ListFilter, 'since'> & { since?: Date };

export function addList(program: Command, context: CommandContext): void {
  program
    .command('list')
    .description('deliveries or messages, the newest first; without --state, those that are not through')
    .addArgument(
      new Argument('[what]', 'what to list').choices(['deliveries', 'messages']).default('deliveries'),
    )
    .option(
      '--state <state>',
      'of deliveries: pending, sending, sent, failed, expired, unknown, cancelled; of messages: received, answering, settled, failed',
    )
    .addOption(accountOption())
    .option('--openid <openid>', 'of this user only')
    .option('--code <errcode>', 'with this errcode as their last', parseCode)
    .option('--since <time>', '2h, 7d, 2026-11-23 or "2026-11-23 09:30" (default: 7d)', parseTime)
    .option('--until <time>', 'the same', parseTime)
    .option('--text <text>', 'that contain it')
    .option('--limit <n>', 'no more than', parseCount, 50)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  wechat-outbox list                                   all that is not sent
  wechat-outbox list --state failed --code 45009 --since 2h
  wechat-outbox list messages --state failed           those whose reply logic failed
  wechat-outbox list messages --text 退款 --state settled`,
    )
    .action((what: What, flags: Flags) => list(context, what, flags));
}

const weekMs = 7 * 86_400_000;

async function list(context: CommandContext, what: What, { json = false, ...flags }: Flags): Promise<void> {
  const queries = await import('../history/list.js');
  const { deliveryStates, messageStates, findDeliveries, findMessages } = queries;
  const filter: ListFilter = { ...flags, since: flags.since ?? new Date(Date.now() - weekMs) };
  const states = what === 'deliveries' ? deliveryStates : messageStates;
  if (filter.state && !states.includes(filter.state))
    throw new UsageError(`The state of ${what} is one of ${states.join(', ')}, not "${filter.state}"`);
  if (what === 'messages' && filter.code !== undefined)
    throw new UsageError('Messages have no errcode: list deliveries by --code');

  if (what === 'deliveries') {
    const found = await withDatabase(context, (pool) => findDeliveries(pool, filter));
    const rows = found.slice(0, filter.limit);
    if (json) return printJson(context, rows);
    if (rows.length > 0) await printDeliveries(context, rows);
    printCount(context, filter, found.length, 'delivery', what);
  } else {
    const found = await withDatabase(context, (pool) => findMessages(pool, filter));
    const rows = found.slice(0, filter.limit);
    if (json) return printJson(context, rows);
    if (rows.length > 0) await printMessages(context, rows);
    printCount(context, filter, found.length, 'message', what);
  }
}

async function printDeliveries(context: CommandContext, rows: readonly DeliveryRow[]): Promise<void> {
  const { outboundText } = await import('../history/message-text.js');
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
  const cells = rows.map((row) => [
    row.id,
    row.message_id,
    shortTime(row.created_at),
    row.openid,
    row.status,
    row.errcode === null ? '' : String(row.errcode),
    String(row.attempts),
    outboundText(row.payload),
    row.errmsg ?? '',
  ]);
  await printTable(context, columns, cells);
}

async function printMessages(context: CommandContext, rows: readonly MessageRow[]): Promise<void> {
  const { inboundText } = await import('../history/message-text.js');
  const columns = [
    { title: 'message', align: 'right' as const },
    { title: 'received' },
    { title: 'openid', flexible: true },
    { title: 'state' },
    { title: 'took', align: 'right' as const },
    { title: 'text', flexible: true },
    { title: 'error', flexible: true },
  ];
  const cells = rows.map((row) => [
    row.id,
    shortTime(row.received_at),
    row.openid,
    row.status,
    row.settled_at ? duration(row.settled_at.getTime() - row.received_at.getTime()) : '',
    inboundText(row),
    row.error ?? '',
  ]);
  await printTable(context, columns, cells);
}

function printCount(
  context: CommandContext,
  filter: ListFilter,
  found: number,
  one: string,
  many: What,
): void {
  const { since, limit } = filter;
  if (found === 0) {
    print(context, `no ${many} of this kind since ${localTime(since)}`);
    return;
  }
  const shown = count(Math.min(found, limit), one, many);
  const more = found > limit ? `; there are more: --limit ${limit * 10}` : '';
  print(context, `\n${shown} since ${localTime(since)}${more}`);
}
