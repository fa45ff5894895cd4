import type { Command } from 'commander';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

export function addResume(program: Command, context: CommandContext): void {
  const { help } = context.words;
  program
    .command('resume')
    .description(help.resume.about)
    .argument('<account>', help.appId)
    .addOption(jsonOption(help))
    .action((appId: string, { json = false }: Json) => resume(context, appId, json));
}

async function resume(context: CommandContext, appId: string, json: boolean): Promise<void> {
  await withDatabase(context, async (pool) => {
    const { rows } = await pool.query<{ resumed: boolean }>('select wechat.resume($1) as resumed', [appId]);
    const resumed = rows[0]?.resumed ?? false;
    if (json) printJson(context, { account: appId, paused: false, wasPaused: resumed });
    else {
      const { resume: words } = context.words.commands;
      print(context, resumed ? words.resumed(appId) : words.wasNotPaused(appId));
    }
  });
}
