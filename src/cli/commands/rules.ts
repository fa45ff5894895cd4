import { type Command, Option } from 'commander';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { jsonOption } from '../terminal/options.js';
import { addRulesImport } from './rules-import.js';

/** Their actions are loaded when one runs. */
const versions = () => import('../rules/versions.js');
const files = () => import('../rules/files.js');

export function addRules(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  const rules = program.command('rules').description(help.rules.about);
  const name = () => new Option('--name <name>', help.rules.name);

  rules
    .command('test')
    .description(help.rules.test)
    .argument('[text]', help.rules.text)
    .option('--event <name>', help.rules.event)
    .option('--click <key>', help.rules.click)
    .option('--scan <scene>', help.rules.scan)
    .option('--type <type>', help.rules.type)
    .option('--openid <openid>', help.rules.openid)
    .option('--account <AppID>', help.rules.account)
    .option('--at <time>', help.rules.at, parse.time)
    .option('--file <file>', help.rules.file)
    .addOption(name())
    .option('--all', help.rules.all)
    .addOption(jsonOption(help))
    .action(async (text, flags) => (await versions()).test(context, text, flags));
  addRulesImport(rules, context);
  rules
    .command('check')
    .description(help.rules.check)
    .argument('[files...]', help.rules.checked)
    .addOption(jsonOption(help))
    .action(async (named, flags) => (await import('../rules/check.js')).check(context, named, flags));
  rules
    .command('show')
    .description(help.rules.show)
    .argument('[version]', help.rules.version, parse.id)
    .addOption(name())
    .addOption(jsonOption(help))
    .action(async (id, flags) => (await versions()).show(context, id, flags));
  rules
    .command('versions')
    .description(help.rules.versions)
    .addOption(name())
    .addOption(new Option('--limit <n>', help.rules.limit).argParser(parse.count).default(20))
    .addOption(jsonOption(help))
    .action(async (flags) => (await versions()).versions(context, flags));
  rules
    .command('restore')
    .description(help.rules.restore)
    .argument('<version>', help.rules.version, parse.id)
    .option('--note <text>', help.rules.note)
    .addOption(jsonOption(help))
    .action(async (id, flags) => (await versions()).restore(context, id, flags));
  rules
    .command('schema')
    .description(help.rules.schema)
    .action(async () => (await files()).schema(context));
}
