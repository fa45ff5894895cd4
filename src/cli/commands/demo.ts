import type { Command } from 'commander';
import type { CommandContext } from '../terminal/context.js';

export function addDemo(program: Command, context: CommandContext): void {
  const { demo: help } = context.words.help;
  program
    .command('demo')
    .description(help.about)
    .option('--once', help.once)
    .option('--replies <entries>', help.replies)
    .action(async ({ once = false, replies }: { once?: boolean; replies?: string }) => {
      const { demo } = await import('../demo/demo.js');
      await demo(context, { once, replies });
    });
}
