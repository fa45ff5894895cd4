import type { Command } from 'commander';
import type { CommandContext } from '../terminal/context.js';

export function addDemo(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description(
      'play a conversation between a simulated WeChat user and the service, on an embedded PostgreSQL',
    )
    .option('--once', 'end when every reply has arrived: exit code 0, or 1 if one is missing')
    .action(async ({ once = false }: { once?: boolean }) => {
      const { demo } = await import('../demo/demo.js');
      await demo(context, once);
    });
}
