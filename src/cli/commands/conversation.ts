import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { Line } from '../../history/conversation.js';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { shortTime } from '../terminal/format.js';
import { accountOption, type Json, jsonOption } from '../terminal/options.js';
import { printJson, printTable } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface Flags extends Json {
  account?: string;
  limit: number;
}

export function addConversation(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('conversation')
    .description(help.conversation.about)
    .argument('<openid>')
    .addOption(accountOption(help))
    .option('--limit <n>', help.conversation.limit, parse.count, 50)
    .addOption(jsonOption(help))
    .action((openid: string, flags: Flags) => conversation(context, openid, flags));
}

async function conversation(
  context: CommandContext,
  openid: string,
  { account, limit, json = false }: Flags,
): Promise<void> {
  const { findConversation } = await import('../../history/conversation.js');
  const lines = await withDatabase(context, (pool) => findConversation(pool, { openid, account, limit }));
  if (lines.length === 0) throw new UsageError(context.words.commands.conversation.nobody(openid));
  if (json) return printJson(context, lines);
  await printLines(context, lines);
}

async function printLines(context: CommandContext, lines: readonly Line[]): Promise<void> {
  const several = new Set(lines.map(({ app_id }) => app_id)).size > 1;
  const { columns: title } = context.words.commands.conversation;
  const columns = [
    { title: title.time },
    ...(several ? [{ title: title.account }] : []),
    { title: title.message, align: 'right' as const },
    { title: title.delivery, align: 'right' as const },
    { title: '' },
    { title: title.text, flexible: true },
    { title: title.state },
  ];
  const cells = lines.map((line) => [
    shortTime(line.at),
    ...(several ? [line.app_id] : []),
    line.message_id,
    line.delivery_id ?? '',
    line.direction === 'in' ? '→' : '←',
    line.text,
    line.errcode ? `${line.status} ${line.errcode}` : line.status,
  ]);
  await printTable(context, columns, cells);
}
