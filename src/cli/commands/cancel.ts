import type { Command } from 'commander';
import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import { parseIds } from '../terminal/arguments.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { count } from '../terminal/format.js';
import { type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { sets, tally } from '../terminal/tally.js';

interface Flags extends Json {
  messages?: boolean;
  yes?: boolean;
}

export function addCancel(program: Command, context: CommandContext): void {
  program
    .command('cancel')
    .description('give up what waits to be sent; asks first')
    .argument('<ids...>', 'deliveries, as list shows them', parseIds)
    .option('--messages', 'messages instead: all that waits of them')
    .addOption(yesOption())
    .addOption(jsonOption())
    .action((ids: readonly string[], flags: Flags) => cancel(context, ids, flags));
}

const meanings: Readonly<Record<string, string>> = {
  cancelled: 'cancelled',
  final: 'have ended already',
  in_hand: 'are in the hand of a worker right now: try again in a moment',
  not_found: 'do not exist',
};

async function cancel(context: CommandContext, ids: readonly string[], flags: Flags): Promise<void> {
  const { messages = false, yes = false, json = false } = flags;
  const [one, many] = messages ? ['message', 'messages'] : ['delivery', 'deliveries'];
  await withDatabase(context, async (pool) => {
    const question = `Cancel ${count(ids.length, one, many)} (${ids.join(', ')})? What is cancelled is not sent.`;
    if (!(await confirm(context, question, { yes }))) return print(context, 'nothing was changed');
    const rows: { id: string; result: string }[] = [];
    for (const set of sets(ids)) rows.push(...(await cancelSet(pool, set, messages)));
    const cancelled = rows.filter(({ result }) => result === 'cancelled').length;
    if (json) printJson(context, { cancelled, results: rows });
    else print(context, tally(rows, meanings, one, many));
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
