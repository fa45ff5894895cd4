import type { Command } from 'commander';
import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import { argumentParsers } from '../terminal/arguments.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { sets, tally } from '../terminal/tally.js';
import { UsageError } from '../terminal/usage-error.js';

interface Filter {
  afterRestore?: boolean;
  point?: Date;
  log?: readonly string[];
  account?: string;
}

interface Flags extends Filter, Json {
  yes?: boolean;
}

export function addHold(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('hold')
    .description(help.hold.about)
    .argument('[ids...]', help.hold.ids, parse.ids)
    .option('--after-restore', help.hold.afterRestore)
    .option('--point <time>', help.doctor.point, parse.time)
    .option('--log <files...>', help.hold.log)
    .addOption(accountOption(help))
    .addOption(yesOption(help))
    .addOption(jsonOption(help))
    .addHelpText('after', help.hold.more)
    .action((ids: readonly string[], flags: Flags) => hold(context, ids, flags));
}

interface Result {
  id: string;
  result: string;
}

async function hold(context: CommandContext, ids: readonly string[], flags: Flags): Promise<void> {
  const { yes = false, json = false, ...filter } = flags;
  const { hold: words } = context.words.commands;
  if (ids.length === 0 && !filter.afterRestore) throw new UsageError(words.sayWhich);
  if (ids.length > 0 && Object.keys(filter).length > 0) throw new UsageError(words.notBoth);
  await withDatabase(context, async (pool) => {
    const chosen = ids.length > 0 ? ids : await choose(pool, filter);
    if (chosen === undefined) throw new UsageError(context.words.doctor.afterRestore.notRestored);
    const results: Result[] = [];
    if (chosen.length > 0) {
      const question = words.question(context.words.terminal.count.messages(chosen.length));
      if (!(await confirm(context, question, { yes })))
        return print(context, context.words.terminal.unchanged);
      for (const set of sets(chosen)) results.push(...(await holdSet(pool, set)));
    } else if (!json) print(context, words.none);
    const held = results.filter(({ result }) => result === 'held').length;
    if (json) printJson(context, { held, results });
    else if (results.length > 0) print(context, tally(results, words.meanings, 'messages', context.words));
    if (held < results.length) context.setExitCode(1);
  });
}

/** With a log those that it says were answered, else all that may have been. Undefined where nothing was restored. */
async function choose(pool: Pool, filter: Filter): Promise<string[] | undefined> {
  const { readRestored } = await import('../doctor/restored.js');
  const restored = await readRestored(pool, filter);
  return restored && (restored.logged?.answered ?? restored.open).map(({ id }) => id);
}

async function holdSet(pool: Pool, ids: readonly string[]): Promise<Result[]> {
  const { rows } = await pool.query<Result>(
    'select message_id as id, result from wechat.hold_messages($1, $2)',
    [ids, 'held by an operator: it may have been sent'],
  );
  return rows;
}
