import { type Command, Option } from 'commander';
import type { ExportOptions } from '../export/run.js';
import { parseTime } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption } from '../terminal/options.js';

export function addExport(program: Command, context: CommandContext): void {
  program
    .command('export')
    .description('both directions of the history, a record a message, for other programs')
    .requiredOption(
      '--since <time>',
      'messages received since 2h, 7d, 2026-11-23 or "2026-11-23 09:30"',
      parseTime,
    )
    .option('--until <time>', 'and before (default, and at the latest: 5 seconds ago)', parseTime)
    .addOption(accountOption())
    .addOption(
      new Option('--format <format>', 'a JSON object a line, or a table')
        .choices(['ndjson', 'csv'])
        .makeOptionMandatory(),
    )
    .option('--output <file>', 'a file, which is there when it is whole (default: standard output)')
    .option('--overwrite', 'replace a file that is there')
    .option('--payload', 'with every field as WeChat sent or got it')
    .option('--excel', 'csv for spreadsheets: marked as UTF-8, and no text taken for a formula')
    .addHelpText(
      'after',
      `
Each message of a user is followed by its deliveries, whenever those were sent; the order is that of arrival. Times
are in UTC. What arrived in the last 5 seconds is left out: it may still be on its way into the database.

While it is unfinished, what goes to --output FILE is in FILE.….part beside it, and FILE is as it was.

Examples:
  wechat-outbox export --since 7d --format csv --excel --output week.csv
  wechat-outbox export --since 2026-11-01 --until 2026-12-01 --format ndjson --payload --output november.ndjson
  wechat-outbox export --since 1h --format ndjson | jq -r 'select(.state == "failed") | .errmsg'`,
    )
    .action(async (flags: Flags) => {
      const { exportHistory } = await import('../export/run.js');
      const { since, until, account, format, output } = flags;
      const { overwrite = false, payload = false, excel = false } = flags;
      await exportHistory(context, { since, until, account, format, output, overwrite, payload, excel });
    });
}

type Flags = Pick<ExportOptions, 'since' | 'format'> & Partial<ExportOptions>;
