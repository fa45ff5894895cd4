import { type Command, Option } from 'commander';
import type { Role } from '../../service/service.js';
import type { CommandContext } from '../terminal/context.js';

export function addStart(program: Command, context: CommandContext): void {
  program
    .command('start')
    .description('run the service: migrate, receive pushes, answer them, until SIGTERM or Ctrl-C')
    .addOption(
      new Option('--role <role>', 'what this process does')
        .choices(['all', 'ingress', 'worker'])
        .default('all'),
    )
    .action(async ({ role }: { role: Role }) => {
      const { start } = await import('../start/start.js');
      await start(context, role);
    });
}
