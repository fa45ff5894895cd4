import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { withDatabase } from '../database/session.js';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

interface Flags extends Json {
  /** Seconds between two looks; absent: one look. */
  watch?: number;
}

export function addStatus(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('status')
    .description(help.status.about)
    .addOption(new Option('--watch [seconds]', help.status.watch).argParser(parse.count).preset('2'))
    .addOption(jsonOption(help))
    .action((flags: Flags) => showStatus(context, flags));
}

const home = '\u001b[H\u001b[2J';

async function showStatus(context: CommandContext, { watch, json = false }: Flags): Promise<void> {
  const [{ readStatus }, { readPauses }, { describeStatus }] = await Promise.all([
    import('../../history/status.js'),
    import('../../accounts/pauses.js'),
    import('../history/describe-status.js'),
  ]);
  const clear = watch !== undefined && context.out.isTTY ? home : '';
  await withDatabase(context, async (pool) => {
    for (;;) {
      const status = await readStatus(pool);
      const pauses = await readPauses(pool);
      // One line a look: what reads it reads lines.
      if (json && watch) print(context, JSON.stringify({ ...status, pauses }));
      else if (json) printJson(context, { ...status, pauses });
      else print(context, `${clear}${describeStatus(status, pauses, context)}`);
      if (watch === undefined) return;
      await sleep(watch * 1_000);
    }
  });
}
