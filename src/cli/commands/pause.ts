import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { localTime } from '../terminal/format.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

export function addPause(program: Command, context: CommandContext): void {
  program
    .command('pause')
    .description('stop the sends of an account, in all processes; messages are stored and wait')
    .argument('<account>', 'its AppID')
    .option('--reason <text>', 'for those who wonder')
    .addOption(jsonOption())
    .action((appId: string, flags: Json & { reason?: string }) => pause(context, appId, flags));
}

async function pause(
  context: CommandContext,
  appId: string,
  { json = false, reason }: Json & { reason?: string },
): Promise<void> {
  const { describePause, readPauses } = await import('../../accounts/pauses.js');
  await withDatabase(context, async (pool) => {
    await pool.query('select wechat.pause($1, $2)', [appId, reason ?? null]);
    const pause = (await readPauses(pool)).find((one) => one.appId === appId);
    if (json) printJson(context, { account: appId, paused: true, reason: reason ?? null });
    else if (pause) print(context, describePause(pause, localTime));
  });
}
