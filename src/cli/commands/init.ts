import { type Command, Option } from 'commander';
import type { InitOptions } from '../init/init.js';
import type { CommandContext } from '../terminal/context.js';

export function addInit(program: Command, context: CommandContext): void {
  const { init: help } = context.words.help;
  const oneOf = (flag: string, about: string, values: readonly string[]) =>
    new Option(flag, about).choices(values);
  program
    .command('init')
    .description(help.about)
    .argument('[folder]', help.folder, '.')
    .option('-y, --yes', help.yes)
    .option('--overwrite', help.overwrite)
    .addOption(oneOf('--kind <kind>', help.kind, ['sandbox', 'verified']))
    .option('--app-id <AppID>', help.appId)
    .addOption(oneOf('--secret <where>', help.secret, ['file', 'environment']))
    .addOption(oneOf('--mode <mode>', help.mode, ['secure', 'compatible', 'plaintext']))
    .option('--public-url <url>', help.publicUrl)
    .addOption(oneOf('--database <which>', help.database, ['embedded', 'compose', 'url']))
    .addOption(oneOf('--replies <by>', help.replies, ['rules', 'code', 'http', 'model']))
    .option('--replies-url <url>', help.repliesUrl)
    .addOption(oneOf('--accounts <form>', help.accounts, ['env', 'yaml', 'json']))
    .option('--console-user <name>', help.consoleUser)
    .option('--password-stdin', help.passwordStdin)
    .option('--no-check', help.noCheck)
    .addHelpText('after', help.more)
    .action(async (folder: string, options: InitOptions) => {
      const { init } = await import('../init/init.js');
      await init(context, folder, options);
    });
}
