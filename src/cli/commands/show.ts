import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface Flags extends Json {
  delivery?: boolean;
}

export function addShow(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('show')
    .description(help.show.about)
    .argument('<id>', help.show.id, parse.id)
    .option('--delivery', help.show.delivery)
    .addOption(jsonOption(help))
    .action((id: string, flags: Flags) => show(context, id, flags));
}

async function show(
  context: CommandContext,
  id: string,
  { delivery = false, json = false }: Flags,
): Promise<void> {
  const { findMessage } = await import('../../history/message.js');
  const found = await withDatabase(context, (pool) => findMessage(pool, id, delivery));
  const kind = delivery ? 'deliveries' : 'messages';
  if (!found) throw new UsageError(context.words.commands.show.notFound(kind, id));
  if (json) return printJson(context, found);
  const { describeMessage } = await import('../history/describe-message.js');
  print(context, describeMessage(found, context));
}
