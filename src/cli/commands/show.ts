import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import { parseId } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface Flags extends Json {
  delivery?: boolean;
}

export function addShow(program: Command, context: CommandContext): void {
  program
    .command('show')
    .description('one message: what came in, what was planned, every attempt, and what to do')
    .argument('<id>', "the message's", parseId)
    .option('--delivery', "the id is a delivery's")
    .addOption(jsonOption())
    .action((id: string, flags: Flags) => show(context, id, flags));
}

async function show(
  context: CommandContext,
  id: string,
  { delivery = false, json = false }: Flags,
): Promise<void> {
  const { findMessage } = await import('../history/message.js');
  const found = await withDatabase(context, (pool) => findMessage(pool, id, delivery));
  if (!found) throw new UsageError(`There is no ${delivery ? 'delivery' : 'message'} ${id}`);
  if (json) return printJson(context, found);
  const { describeMessage } = await import('../history/describe-message.js');
  print(context, describeMessage(found, context.out));
}
