import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

export function addResume(program: Command, context: CommandContext): void {
  program
    .command('resume')
    .description('end the pause of an account, whether an operator or WeChat began it')
    .argument('<account>', 'its AppID')
    .addOption(jsonOption())
    .action((appId: string, { json = false }: Json) => resume(context, appId, json));
}

async function resume(context: CommandContext, appId: string, json: boolean): Promise<void> {
  await withDatabase(context, async (pool) => {
    const { rows } = await pool.query<{ resumed: boolean }>('select wechat.resume($1) as resumed', [appId]);
    const resumed = rows[0]?.resumed ?? false;
    if (json) printJson(context, { account: appId, paused: false, wasPaused: resumed });
    else print(context, resumed ? `${appId} goes on` : `${appId} was not paused`);
  });
}
