import { Argument, type Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { DeliveryRow } from '../history/deliveries.js';
import type { ListFilter } from '../history/filter.js';
import type { MessageRow } from '../history/messages.js';
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
  const filter: ListFilter = { ...flags, since: flags.since ?? new Date(Date.now() - weekMs) };
  await (what === 'deliveries' ? listDeliveries : listMessages)(context, filter, json);
}

async function listDeliveries(context: CommandContext, filter: ListFilter, json: boolean): Promise<void> {
  const { deliveryStates, findDeliveries } = await import('../history/deliveries.js');
  assertState('deliveries', filter, deliveryStates);
  const found = await withDatabase(context, (pool) => findDeliveries(pool, filter));
  const rows = found.slice(0, filter.limit);
  if (json) return printJson(context, rows);
  if (rows.length > 0) await printDeliveries(context, rows);
  printCount(context, filter, found.length, 'delivery', 'deliveries');
}

async function listMessages(context: CommandContext, filter: ListFilter, json: boolean): Promise<void> {
  const { findMessages, messageStates } = await import('../history/messages.js');
  assertState('messages', filter, messageStates);
  if (filter.code !== undefined) throw new UsageError('Messages have no errcode: list deliveries by --code');
  const found = await withDatabase(context, (pool) => findMessages(pool, filter));
  const rows = found.slice(0, filter.limit);
  if (json) return printJson(context, rows);
  if (rows.length > 0) await printMessages(context, rows);
  printCount(context, filter, found.length, 'message', 'messages');
}

function assertState(what: What, { state }: ListFilter, states: readonly string[]): void {
  if (state && !states.includes(state))
    throw new UsageError(`The state of ${what} is one of ${states.join(', ')}, not "${state}"`);
}

async function printDeliveries(context: CommandContext, rows: readonly DeliveryRow[]): Promise<void> {
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
    row.text,
    row.errmsg ?? '',
  ]);
  await printTable(context, columns, cells);
}

async function printMessages(context: CommandContext, rows: readonly MessageRow[]): Promise<void> {
  const { inWords } = await import('../history/in-words.js');
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
    inWords(row),
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
