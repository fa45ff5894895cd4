import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

export function addConsole(program: Command, context: CommandContext): void {
  const { help } = context.words;
  program
    .command('console')
    .description(help.console.about)
    .option('--url <url>', help.console.url)
    .addOption(jsonOption(help))
    .action((flags: Json & { url?: string }) => printLink(context, flags));
}

/** For whoever may write to the database: they could add an admin as well. */
async function printLink(
  context: CommandContext,
  { json = false, url }: Json & { url?: string },
): Promise<void> {
  const [{ createLink, linkMinutes, linkUrl }, { readConsoleAddress }, { operatorName }] = await Promise.all([
    import('../../console/server/sign-in/links.js'),
    import('../../config/settings.js'),
    import('../database/operator-name.js'),
  ]);
  const { console: words } = context.words.commands;
  const base = url?.replace(/\/+$/, '') ?? readConsoleAddress(context.environment());
  if (base === undefined) throw new UsageError(words.off);
  await withDatabase(context, async (pool) => {
    const token = await createLink(pool, { name: operatorName(), whileNoUser: false });
    const link = linkUrl(base, token);
    if (json) printJson(context, { url: link, minutes: linkMinutes });
    else print(context, `${words.link(linkMinutes)}\n${link}`);
  });
}
