import { Argument, type Command, Option } from 'commander';
import {
  type GivenTime,
  parseCode,
  parseCount,
  parseGivenTime,
  parseId,
  parseIds,
  parseTime,
} from './arguments.js';
import type { ExportFormat } from './export-format.js';
import type { ListFilter } from './list-queries.js';
import type { Environment } from './operator-session.js';

const dayMs = 86_400_000;

interface Json {
  json?: boolean;
}

/** Each module is loaded when its command runs: to start is most of what a short command costs. */
export function addOperatorCommands(program: Command, environment: () => Environment): void {
  const json = () => new Option('--json', 'as JSON, for scripts');
  const account = () => new Option('--account <AppID>', 'of this account only');
  const yes = () => new Option('-y, --yes', 'go ahead without asking');

  program
    .command('status')
    .description('how things stand: what waits, rates, failures by code, pauses, tokens, workers')
    .addOption(new Option('--watch [seconds]', 'again and again').argParser(parseCount).preset('2'))
    .addOption(json())
    .action(async ({ json = false, watch }: Json & { watch?: number }) => {
      const { statusCommand } = await import('./status.js');
      await statusCommand({ environment: environment(), json, watch });
    });

  program
    .command('list')
    .description('deliveries or messages, the newest first; without --state, those that are not through')
    .addArgument(
      new Argument('[what]', 'what to list').choices(['deliveries', 'messages']).default('deliveries'),
    )
    .option(
      '--state <state>',
      'of deliveries: pending, sending, sent, failed, expired, unknown, cancelled; of messages: received, answering, settled, failed',
    )
    .addOption(account())
    .option('--openid <openid>', 'of this user only')
    .option('--code <errcode>', 'with this errcode as their last', parseCode)
    .option('--since <time>', '2h, 7d, 2026-11-23 or "2026-11-23 09:30" (default: 7d)', parseTime)
    .option('--until <time>', 'the same', parseTime)
    .option('--text <text>', 'that contain it')
    .option('--limit <n>', 'no more than', parseCount, 50)
    .addOption(json())
    .addHelpText(
      'after',
      `
Examples:
  wechat-outbox list                                   all that is not sent
  wechat-outbox list --state failed --code 45009 --since 2h
  wechat-outbox list messages --state failed           those whose reply logic failed
  wechat-outbox list messages --text 退款 --state settled`,
    )
    .action(
      async (
        what: 'deliveries' | 'messages',
        { json = false, ...filter }: Json & Partial<ListFilter> & { limit: number },
      ) => {
        const { listCommand } = await import('./list.js');
        const since = filter.since ?? new Date(Date.now() - 7 * dayMs);
        await listCommand({ ...filter, since, environment: environment(), what, json });
      },
    );

  program
    .command('show')
    .description('one message: what came in, what was planned, every attempt, and what to do')
    .argument('<id>', "the message's", parseId)
    .option('--delivery', "the id is a delivery's")
    .addOption(json())
    .action(async (id: string, { json = false, delivery = false }: Json & { delivery?: boolean }) => {
      const { showCommand } = await import('./show.js');
      await showCommand({ environment: environment(), id, delivery, json });
    });

  program
    .command('conversation')
    .description('both sides of what was said with a user, in order')
    .argument('<openid>')
    .addOption(account())
    .option('--limit <n>', 'of the latest messages', parseCount, 50)
    .addOption(json())
    .action(async (openid: string, options: Json & { account?: string; limit: number }) => {
      const { conversationCommand } = await import('./conversation.js');
      const { json = false, account, limit } = options;
      await conversationCommand({ environment: environment(), openid, account, limit, json });
    });

  program
    .command('export')
    .description('both directions of the history, a record a message, for other programs')
    .requiredOption(
      '--since <time>',
      'messages received since 2h, 7d, 2026-11-23 or "2026-11-23 09:30"',
      parseGivenTime,
    )
    .option('--until <time>', 'and before (default, and at the latest: 5 seconds ago)', parseGivenTime)
    .addOption(account())
    .addOption(
      new Option('--format <format>', 'a JSON object a line, or a table')
        .choices(['ndjson', 'csv'])
        .makeOptionMandatory(),
    )
    .option('--output <file>', 'a file, which can be gone on with (default: standard output)')
    .option('--overwrite', 'replace the file, finished or not')
    .option('--payload', 'with every field as WeChat sent or got it')
    .option('--excel', 'csv for spreadsheets: marked as UTF-8, and no text taken for a formula')
    .addHelpText(
      'after',
      `
Each message of a user is followed by its deliveries, whenever those were sent; the order is that of arrival. Times
are in UTC. What arrived in the last 5 seconds is left out: it may still be on its way into the database.

While --output is unfinished, FILE.progress beside it says how far it is. The same command then goes on: --since 7d
means what it meant at first. Other arguments are refused. With --overwrite it begins anew.

Examples:
  wechat-outbox export --since 7d --format csv --excel --output week.csv
  wechat-outbox export --since 2026-11-01 --until 2026-12-01 --format ndjson --payload --output november.ndjson
  wechat-outbox export --since 1h --format ndjson | jq -r 'select(.state == "failed") | .errmsg'`,
    )
    .action(async (options: ExportFlags) => {
      const { exportCommand } = await import('./export.js');
      const { since, until, account, format, output } = options;
      const { overwrite = false, payload = false, excel = false } = options;
      const asked = { since, until, account, format, payload, excel };
      await exportCommand({ ...asked, environment: environment(), output, overwrite });
    });

  program
    .command('requeue')
    .description('send again what ended without being sent; says what it would do, and asks')
    .argument('[ids...]', 'deliveries, as list shows them', parseIds)
    .option('--messages', 'messages instead: run the reply logic again where it failed for good')
    .addOption(
      new Option('--state <state>', 'all that ended so').choices([
        'failed',
        'expired',
        'unknown',
        'cancelled',
      ]),
    )
    .option('--code <errcode>', 'with this errcode as their last', parseCode)
    .option('--since <time>', 'that ended since then: 2h, 7d, 2026-11-23 (default: 1d)', parseTime)
    .addOption(account())
    .option('--limit <n>', 'the oldest so many (default: 1000)', parseCount)
    .option('--force', 'also past the reply window, where WeChat will likely refuse (45015)')
    .option('--dry-run', 'only say what it would do')
    .addOption(yes())
    .addOption(json())
    .addHelpText(
      'after',
      `
Safe to run twice, and while workers run; the order of a conversation is kept. Exit code 1 when one of the
ids given was not requeued.

Examples:
  wechat-outbox requeue 4711 4712
  wechat-outbox requeue --state failed --code 45009 --since 2h --dry-run
  wechat-outbox requeue --messages --since 1h --yes    after a bug in the reply logic was mended`,
    )
    .action(async (ids: readonly string[], options: RequeueFlags) => {
      const { requeueCommand } = await import('./requeue.js');
      const {
        messages = false,
        force = false,
        yes = false,
        dryRun = false,
        json = false,
        ...filter
      } = options;
      await requeueCommand({ environment: environment(), ids, messages, filter, force, yes, dryRun, json });
    });

  program
    .command('cancel')
    .description('give up what waits to be sent; asks first')
    .argument('<ids...>', 'deliveries, as list shows them', parseIds)
    .option('--messages', 'messages instead: all that waits of them')
    .addOption(yes())
    .addOption(json())
    .action(async (ids: readonly string[], options: Json & { messages?: boolean; yes?: boolean }) => {
      const { cancelCommand } = await import('./cancel.js');
      const { messages = false, yes = false, json = false } = options;
      await cancelCommand({ environment: environment(), ids, messages, yes, json });
    });

  program
    .command('pause')
    .description('stop the sends of an account, in all processes; messages are stored and wait')
    .argument('<account>', 'its AppID')
    .option('--reason <text>', 'for those who wonder')
    .addOption(json())
    .action(async (appId: string, { json = false, reason }: Json & { reason?: string }) => {
      const { pauseCommand } = await import('./pause.js');
      await pauseCommand({ environment: environment(), appId, reason, json });
    });

  program
    .command('resume')
    .description('end the pause of an account, whether an operator or WeChat began it')
    .argument('<account>', 'its AppID')
    .addOption(json())
    .action(async (appId: string, { json = false }: Json) => {
      const { resumeCommand } = await import('./pause.js');
      await resumeCommand({ environment: environment(), appId, json });
    });

  program
    .command('token')
    .description('access tokens')
    .command('refresh')
    .description("have WeChat hand out another access token, for all processes; needs the account's settings")
    .argument('<account>', 'its AppID')
    .addOption(json())
    .action(async (account: string, { json = false }: Json) => {
      const { tokenRefreshCommand } = await import('./token.js');
      await tokenRefreshCommand({ environment: environment(), account, json });
    });

  program
    .command('send')
    .description('send a text to a user who wrote before, through the outbox like every reply')
    .argument('<openid>')
    .requiredOption('--text <text>', 'what to say; long text is split')
    .addOption(new Option('--account <AppID>', 'where the user wrote to several'))
    .option('--force', 'also past the reply window')
    .addOption(json())
    .action(async (openid: string, options: Json & { text: string; account?: string; force?: boolean }) => {
      const { sendCommand } = await import('./send.js');
      const { text, account, force = false, json = false } = options;
      await sendCommand({ environment: environment(), openid, text, account, force, json });
    });

  program
    .command('forget')
    .description('remove who a user is and all that was said with them, and keep the counts; asks first')
    .argument('<openid>')
    .addOption(new Option('--account <AppID>', 'where the user wrote to several'))
    .addOption(yes())
    .addOption(json())
    .addHelpText(
      'after',
      `
Exit code 1 when a worker has a message of theirs in hand: run it again in a moment. What they write afterwards
is kept as a new user's would be.`,
    )
    .action(async (openid: string, options: Json & { account?: string; yes?: boolean }) => {
      const { forgetCommand } = await import('./forget.js');
      const { account, yes = false, json = false } = options;
      await forgetCommand({ environment: environment(), openid, account, yes, json });
    });

  program
    .command('simulate')
    .description('push a message at the running service, signed as WeChat would; needs its settings')
    .requiredOption('--text <text>', 'what the user says')
    .option('--openid <openid>', 'who says it (default: somebody new)')
    .addOption(new Option('--account <AppID>', 'to whom (default: the first)'))
    .option('--url <url>', 'where the webhook is (default: on this machine)')
    .addOption(json())
    .action(async (options: Json & { text: string; openid?: string; account?: string; url?: string }) => {
      const { simulateCommand } = await import('./simulate.js');
      const { text, openid, account, url, json = false } = options;
      await simulateCommand({ environment: environment(), text, openid, account, url, json });
    });

  program
    .command('doctor')
    .description(
      'check settings, database, migrations, clock, API, secret, allowlist and webhook; says what to do',
    )
    .addOption(json())
    .action(async ({ json = false }: Json) => {
      const { doctorCommand } = await import('./doctor.js');
      await doctorCommand({ environment: environment(), json });
    });
}

interface ExportFlags {
  since: GivenTime;
  until?: GivenTime;
  account?: string;
  format: ExportFormat;
  output?: string;
  overwrite?: boolean;
  payload?: boolean;
  excel?: boolean;
}

interface RequeueFlags extends Json {
  messages?: boolean;
  state?: string;
  code?: number;
  since?: Date;
  account?: string;
  limit?: number;
  force?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}
