import { type Command, Option } from 'commander';
import type { Role } from '../../service/service.js';
import type { CommandContext } from '../terminal/context.js';

export function addStart(program: Command, context: CommandContext): void {
  const { start: help } = context.words.help;
  program
    .command('start')
    .description(help.about)
    .addOption(new Option('--role <role>', help.role).choices(['all', 'ingress', 'worker']).default('all'))
    .action(async ({ role }: { role: Role }) => {
      const { start } = await import('../start/start.js');
      await start(context, role);
    });
}
