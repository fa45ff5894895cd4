import { type Command, Option } from 'commander';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { print } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface Flags {
  to?: string;
  history: string;
  switch?: string;
  switched?: boolean;
  abort?: boolean;
  status?: boolean;
}

export function addMoveAccount(program: Command, context: CommandContext): void {
  const { help } = context.words;
  program
    .command('move-account')
    .description(help.move.about)
    .argument('<account>', help.appId)
    .option('--to <url>', help.move.to)
    .addOption(new Option('--history <days>', help.move.history).default('all'))
    .option('--switch <command>', help.move.switch)
    .option('--switched', help.move.switched)
    .option('--abort', help.move.abort)
    .option('--status', help.move.status)
    .addHelpText('after', help.move.more)
    .action((appId: string, flags: Flags) => moveAccount(context, appId, flags));
}

/** Copies may be large, and a lock is waited for elsewhere. */
const statementTimeoutMs = 3_600_000;

async function moveAccount(context: CommandContext, appId: string, flags: Flags): Promise<void> {
  const { words } = context;
  const { move } = words.commands;
  const { to } = flags;
  if ([flags.status, flags.abort, flags.switched, flags.switch].filter(Boolean).length > 1)
    throw new UsageError(move.notBoth);
  if (to === undefined && !flags.status) throw new UsageError(move.sayTo);
  const historySince = sinceOf(flags.history, move.shortHistory);
  const [{ withTarget, readDatabaseName }, run] = await Promise.all([
    import('../move/target.js'),
    import('../move/act.js'),
  ]);
  await withDatabase(
    context,
    (source, url) =>
      withTarget(to, statementTimeoutMs, async (target) => {
        const names = { source: readDatabaseName(url), target: to === undefined ? '' : readDatabaseName(to) };
        const say = (line: string) => print(context, line);
        if (flags.status || !target) return run.tellStatus({ appId, source, target, names, words, say });
        const sides = { appId, source, target, names, words: move, say };
        if (flags.abort) return run.abort(sides);
        const end = await run.move(sides, {
          historySince,
          untilSwitched: () => run.untilSwitched(context, flags, move),
        });
        print(context, end === 'moved' ? move.moved(appId, names.target) : move.waiting(appId));
      }),
    { statementTimeoutMs, connections: 4 },
  );
}

const shortestDays = 7;

function sinceOf(history: string, problem: string): Date | undefined {
  if (history === 'all') return undefined;
  const days = Number(history);
  if (!Number.isSafeInteger(days) || days < shortestDays) throw new UsageError(problem);
  return new Date(Date.now() - days * 86_400_000);
}
