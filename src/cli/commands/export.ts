import { type Command, Option } from 'commander';
import type { ExportOptions } from '../export/run.js';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption } from '../terminal/options.js';

export function addExport(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('export')
    .description(help.export.about)
    .requiredOption('--since <time>', help.export.since, parse.time)
    .option('--until <time>', help.export.until, parse.time)
    .addOption(accountOption(help))
    .addOption(
      new Option('--format <format>', help.export.format).choices(['ndjson', 'csv']).makeOptionMandatory(),
    )
    .option('--output <file>', help.export.output)
    .option('--overwrite', help.export.overwrite)
    .option('--payload', help.export.payload)
    .option('--excel', help.export.excel)
    .addHelpText('after', help.export.more)
    .action(async (flags: Flags) => {
      const { exportHistory } = await import('../export/run.js');
      const { since, until, account, format, output } = flags;
      const { overwrite = false, payload = false, excel = false } = flags;
      await exportHistory(context, { since, until, account, format, output, overwrite, payload, excel });
    });
}

type Flags = Pick<ExportOptions, 'since' | 'format'> & Partial<ExportOptions>;
