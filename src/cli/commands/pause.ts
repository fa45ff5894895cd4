import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

export function addPause(program: Command, context: CommandContext): void {
  const { help } = context.words;
  program
    .command('pause')
    .description(help.pause.about)
    .argument('<account>', help.appId)
    .option('--reason <text>', help.pause.reason)
    .addOption(jsonOption(help))
    .action((appId: string, flags: Json & { reason?: string }) => pause(context, appId, flags));
}

async function pause(
  context: CommandContext,
  appId: string,
  { json = false, reason }: Json & { reason?: string },
): Promise<void> {
  const [{ readPauses }, { describeRest }] = await Promise.all([
    import('../../accounts/pauses.js'),
    import('../history/describe-rest.js'),
  ]);
  await withDatabase(context, async (pool) => {
    await pool.query('select wechat.pause($1, $2)', [appId, reason ?? null]);
    const pause = (await readPauses(pool)).find((one) => one.appId === appId);
    if (json) printJson(context, { account: appId, paused: true, reason: reason ?? null });
    else if (pause) print(context, describeRest(pause, context.words));
  });
}
