import { Argument, type Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { DeliveryRow } from '../../history/deliveries.js';
import type { ListFilter } from '../../history/filter.js';
import type { MessageRow } from '../../history/messages.js';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { localTime, shortTime } from '../terminal/format.js';
import { accountOption, type Json, jsonOption } from '../terminal/options.js';
import { print, printJson, printTable } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';
import type { Counted } from '../words/measures.js';

type Flags = Json & Omit<ListFilter, 'since'> & { since?: Date };

export function addList(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('list')
    .description(help.list.about)
    .addArgument(
      new Argument('[what]', help.list.what).choices(['deliveries', 'messages']).default('deliveries'),
    )
    .option('--state <state>', help.list.state)
    .addOption(accountOption(help))
    .option('--openid <openid>', help.list.openid)
    .option('--code <errcode>', help.lastCode, parse.code)
    .option('--since <time>', help.list.since, parse.time)
    .option('--until <time>', help.list.until, parse.time)
    .option('--text <text>', help.list.text)
    .option('--limit <n>', help.list.limit, parse.count, 50)
    .addOption(jsonOption(help))
    .addHelpText('after', help.list.more)
    .action((what: Counted, flags: Flags) => list(context, what, flags));
}

const weekMs = 7 * 86_400_000;

async function list(
  context: CommandContext,
  what: Counted,
  { json = false, ...flags }: Flags,
): Promise<void> {
  const filter: ListFilter = { ...flags, since: flags.since ?? new Date(Date.now() - weekMs) };
  await (what === 'deliveries' ? listDeliveries : listMessages)(context, filter, json);
}

async function listDeliveries(context: CommandContext, filter: ListFilter, json: boolean): Promise<void> {
  const { deliveryStates, findDeliveries } = await import('../../history/deliveries.js');
  assertState(context, 'deliveries', filter, deliveryStates);
  const found = await withDatabase(context, (pool) => findDeliveries(pool, filter));
  const rows = found.slice(0, filter.limit);
  if (json) return printJson(context, rows);
  if (rows.length > 0) await printDeliveries(context, rows);
  printCount(context, filter, found.length, 'deliveries');
}

async function listMessages(context: CommandContext, filter: ListFilter, json: boolean): Promise<void> {
  const { findMessages, messageStates } = await import('../../history/messages.js');
  assertState(context, 'messages', filter, messageStates);
  if (filter.code !== undefined) throw new UsageError(context.words.commands.list.noCode);
  const found = await withDatabase(context, (pool) => findMessages(pool, filter));
  const rows = found.slice(0, filter.limit);
  if (json) return printJson(context, rows);
  if (rows.length > 0) await printMessages(context, rows);
  printCount(context, filter, found.length, 'messages');
}

function assertState(
  { words }: CommandContext,
  kind: Counted,
  { state }: ListFilter,
  states: readonly string[],
): void {
  if (state && !states.includes(state))
    throw new UsageError(words.commands.list.noSuchState(kind, state, states));
}

async function printDeliveries(context: CommandContext, rows: readonly DeliveryRow[]): Promise<void> {
  const { columns: title } = context.words.commands.list;
  const columns = [
    { title: title.delivery, align: 'right' as const },
    { title: title.message, align: 'right' as const },
    { title: title.planned },
    { title: title.openid, flexible: true },
    { title: title.state },
    { title: title.errcode, align: 'right' as const },
    { title: title.tries, align: 'right' as const },
    { title: title.text, flexible: true },
    { title: title.errmsg, flexible: true },
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
  const { inWords } = await import('../../history/in-words.js');
  const { columns: title } = context.words.commands.list;
  const columns = [
    { title: title.message, align: 'right' as const },
    { title: title.received },
    { title: title.openid, flexible: true },
    { title: title.state },
    { title: title.took, align: 'right' as const },
    { title: title.text, flexible: true },
    { title: title.error, flexible: true },
  ];
  const cells = rows.map((row) => [
    row.id,
    shortTime(row.received_at),
    row.openid,
    row.status,
    row.settled_at
      ? context.words.terminal.duration(row.settled_at.getTime() - row.received_at.getTime())
      : '',
    inWords(row),
    row.error ?? '',
  ]);
  await printTable(context, columns, cells);
}

function printCount(context: CommandContext, filter: ListFilter, found: number, kind: Counted): void {
  const { list: words } = context.words.commands;
  const { since, limit } = filter;
  if (found === 0) {
    print(context, words.none(kind, localTime(since)));
    return;
  }
  const shown = context.words.terminal.count[kind](Math.min(found, limit));
  const more = found > limit ? words.more(limit * 10) : '';
  print(context, `\n${words.found(shown, localTime(since))}${more}`);
}
