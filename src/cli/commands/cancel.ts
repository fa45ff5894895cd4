import type { Command } from 'commander';
import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import { argumentParsers } from '../terminal/arguments.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { sets, tally } from '../terminal/tally.js';

interface Flags extends Json {
  messages?: boolean;
  yes?: boolean;
}

export function addCancel(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('cancel')
    .description(help.cancel.about)
    .argument('<ids...>', help.deliveryIds, parse.ids)
    .option('--messages', help.cancel.messages)
    .addOption(yesOption(help))
    .addOption(jsonOption(help))
    .action((ids: readonly string[], flags: Flags) => cancel(context, ids, flags));
}

async function cancel(context: CommandContext, ids: readonly string[], flags: Flags): Promise<void> {
  const { messages = false, yes = false, json = false } = flags;
  const kind = messages ? 'messages' : 'deliveries';
  const { cancel: words } = context.words.commands;
  await withDatabase(context, async (pool) => {
    const question = words.question(context.words.terminal.count[kind](ids.length), ids);
    if (!(await confirm(context, question, { yes }))) return print(context, context.words.terminal.unchanged);
    const rows: { id: string; result: string }[] = [];
    for (const set of sets(ids)) rows.push(...(await cancelSet(pool, set, messages)));
    const cancelled = rows.filter(({ result }) => result === 'cancelled').length;
    if (json) printJson(context, { cancelled, results: rows });
    else print(context, tally(rows, words.meanings, kind, context.words));
    if (cancelled < rows.length) context.setExitCode(1);
  });
}

async function cancelSet(pool: Pool, ids: readonly string[], messages: boolean) {
  const { rows } = await pool.query<{ id: string; result: string }>(
    messages
      ? 'select id, wechat.cancel_message(id) as result from unnest($1::bigint[]) as listed (id)'
      : 'select delivery_id as id, result from wechat.cancel_many($1)',
    [ids],
  );
  return rows;
}
