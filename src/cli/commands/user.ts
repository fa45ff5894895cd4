import { type Command, Option } from 'commander';
import { roles } from '../../console/contract/rights.js';
import type { CommandContext } from '../terminal/context.js';
import { jsonOption, yesOption } from '../terminal/options.js';

/** Their actions are loaded when one runs. */
const actions = () => import('../users/actions.js');

export function addUser(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const user = program.command('user').description(help.user.about);
  const stdin = () => new Option('--password-stdin', help.user.passwordStdin);
  const command = (name: string, about: string) =>
    user.command(name).description(about).argument('<name>', help.user.name);

  command('add', help.user.add)
    .addOption(new Option('--role <role>', help.user.role).choices(roles).makeOptionMandatory())
    .option('--display-name <text>', help.user.displayName)
    .addOption(stdin())
    .option('--no-password', help.user.noPassword)
    .action(async (name, flags) => (await actions()).add(context, name, flags));
  user
    .command('list')
    .description(help.user.list)
    .addOption(jsonOption(help))
    .action(async (flags) => (await actions()).list(context, flags));
  command('set-password', help.user.setPassword)
    .addOption(stdin())
    .action(async (name, flags) => (await actions()).setPassword(context, name, flags));
  command('set-role', help.user.setRole)
    .addOption(new Option('--role <role>', help.user.role).choices(roles).makeOptionMandatory())
    .action(async (name, flags) => (await actions()).change(context, name, flags));
  command('disable', help.user.disable).action(async (name) =>
    (await actions()).change(context, name, { disabled: true }),
  );
  command('enable', help.user.enable).action(async (name) =>
    (await actions()).change(context, name, { disabled: false }),
  );
  command('remove', help.user.remove)
    .addOption(yesOption(help))
    .action(async (name, flags) => (await actions()).remove(context, name, flags));
  command('sessions', help.user.sessions)
    .option('--revoke', help.user.revoke)
    .addOption(jsonOption(help))
    .action(async (name, flags) => (await actions()).sessions(context, name, flags));
}
