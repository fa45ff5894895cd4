import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Api } from '../database/api.js';
import type { CurrentMenu } from '../menu/fetch.js';
import type { Button, Menu } from '../menu/menu.js';
import type { Step } from '../menu/plan.js';
import { confirm } from '../terminal/confirm.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption, yesOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface Flags extends Json {
  account?: string;
}

interface PullFlags extends Flags {
  overwrite?: boolean;
}

interface PushFlags extends Flags {
  yes?: boolean;
}

export function addMenu(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const menu = program.command('menu').description(help.menu.about);
  const ofAccount = () => accountOption(help, help.menu.account);
  menu
    .command('pull')
    .description(help.menu.pull)
    .argument('[file]', help.menu.target)
    .option('--overwrite', help.export.overwrite)
    .addOption(ofAccount())
    .addOption(jsonOption(help))
    .addHelpText('after', help.menu.more)
    .action((file: string | undefined, flags: PullFlags) => pull(context, file, flags));
  menu
    .command('diff')
    .description(help.menu.diff)
    .argument('<file>', help.menu.file)
    .addOption(ofAccount())
    .addOption(jsonOption(help))
    .action((file: string, flags: Flags) => diff(context, file, flags));
  menu
    .command('push')
    .description(help.menu.push)
    .argument('<file>', help.menu.file)
    .addOption(ofAccount())
    .addOption(yesOption(help))
    .addOption(jsonOption(help))
    .action((file: string, flags: PushFlags) => push(context, file, flags));
}

async function pull(context: CommandContext, output: string | undefined, flags: PullFlags): Promise<void> {
  const { menu: words, export: ofFiles } = context.words.commands;
  const { account, overwrite = false, json = false } = flags;
  if (overwrite && output === undefined) throw new UsageError(words.overwriteIsFile);
  const [{ withApi }, { fetchMenu }, { writeMenuFile }, { isAbolished }, { createExportFile }] =
    await Promise.all([
      import('../database/api.js'),
      import('../menu/fetch.js'),
      import('../menu/file.js'),
      import('../menu/menu.js'),
      import('../export/file.js'),
    ]);
  await withApi(context, account, async (api) => {
    const current = await fetchMenu(api);
    const { from, button } = current;
    const conditionalmenu = current.conditionalmenu.filter((one) => !isAbolished(one));
    const leftOut = current.conditionalmenu.length - conditionalmenu.length;
    const heading = [
      words.heading(api.appId, from),
      ...(leftOut > 0 ? [words.leftOut(leftOut)] : []),
      ...(current.answered.size > 0 ? [words.answeredByConsole] : []),
    ];
    const menu = { button, conditionalmenu: conditionalmenu.map(withoutId) };
    const content = writeMenuFile(menu, { heading, notes: notesOf(current, words.answered) });
    if (output !== undefined) {
      const file = await createExportFile(output, { overwrite, words: ofFiles });
      await file.write(content);
      await file.complete();
    }
    if (json) printJson(context, { account: api.appId, from, ...menu, ...(output ? { file: output } : {}) });
    else print(context, output === undefined ? content.trimEnd() : words.pulled(api.appId, output, from));
  });
}

function withoutId({ matchrule, button }: CurrentMenu['conditionalmenu'][number]) {
  return { matchrule, button };
}

function notesOf(
  { answered }: CurrentMenu,
  note: (type: string, value: string) => string,
): ReadonlyMap<Button, string> {
  return new Map(
    [...answered].map(([button, { type, value }]) => [
      button,
      note(type, value.replace(/\s+/g, ' ').slice(0, 100)),
    ]),
  );
}

/** Exit code 1 where they differ. */
async function diff(context: CommandContext, file: string, { account, json = false }: Flags): Promise<void> {
  const { menu: words } = context.words.commands;
  const wanted = await readMenu(context, file);
  const { withApi } = await import('../database/api.js');
  await withApi(context, account, async (api) => {
    const compared = await compare(api, wanted);
    const { current, lines, steps } = compared;
    const isSame = steps.length === 0;
    if (json) printJson(context, { account: api.appId, same: isSame, from: current.from, lines });
    else print(context, isSame ? words.same(api.appId) : describe(context, compared));
    if (!isSame) context.setExitCode(1);
  });
}

async function push(context: CommandContext, file: string, flags: PushFlags): Promise<void> {
  const { account, yes = false, json = false } = flags;
  const { menu: words } = context.words.commands;
  const wanted = await readMenu(context, file);
  const { withApi } = await import('../database/api.js');
  await withApi(context, account, async (api) => {
    const compared = await compare(api, wanted);
    const { steps } = compared;
    if (!json) print(context, steps.length === 0 ? words.same(api.appId) : describe(context, compared));
    if (steps.length > 0) {
      const question = words.question(api.appId, steps.length, wanted.button.length === 0);
      if (!(await confirm(context, question, { yes })))
        return print(context, context.words.terminal.unchanged);
      for (const step of steps) await carryOut(api, step);
      await api.pool.query(`select wechat.record_action('menu_push', $1, $2, $3)`, [
        api.appId,
        { steps: steps.map(({ kind }) => kind) },
        steps.length,
      ]);
    }
    if (json) printJson(context, { account: api.appId, steps: steps.map(({ kind }) => kind) });
    else if (steps.length > 0) print(context, words.pushed(api.appId));
  });
}

/** @throws UsageError with the places of all that is wrong with it */
async function readMenu({ words }: CommandContext, file: string): Promise<Menu> {
  const [{ parseMenuFile }, { describeRulesProblems }] = await Promise.all([
    import('../menu/file.js'),
    import('../../replies/rules/parse.js'),
  ]);
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const parsed = parseMenuFile(content);
  if (!parsed.ok) throw new UsageError(`\n${describeRulesProblems(parsed.problems, file, words.language)}`);
  return parsed.menu;
}

async function compare(api: Api, wanted: Menu) {
  const [{ fetchMenu }, { writeMenuFile }, { diffLines, describeDiff }, { planPush }] = await Promise.all([
    import('../menu/fetch.js'),
    import('../menu/file.js'),
    import('../menu/diff.js'),
    import('../menu/plan.js'),
  ]);
  const current = await fetchMenu(api);
  const conditionalmenu = current.conditionalmenu.map(withoutId);
  const before = current.from === 'none' ? '' : writeMenuFile({ button: current.button, conditionalmenu });
  const after = wanted.button.length === 0 ? '' : writeMenuFile(wanted);
  const lines = diffLines(before, after);
  return { current, lines, shown: describeDiff(lines), steps: planPush(current, wanted) };
}

function describe(
  { words }: CommandContext,
  { current, shown }: Awaited<ReturnType<typeof compare>>,
): string {
  const { menu } = words.commands;
  return [
    menu.is[current.from],
    ...(shown.some((line) => !line.startsWith(' ')) ? shown : [menu.onlyMadeAnew]),
  ].join('\n');
}

async function carryOut({ call }: Api, step: Step): Promise<void> {
  switch (step.kind) {
    case 'create':
      await call('POST', '/cgi-bin/menu/create', { button: step.button as never });
      return;
    case 'delete':
      await call('GET', '/cgi-bin/menu/delete');
      return;
    case 'add':
      await call('POST', '/cgi-bin/menu/addconditional', step.menu as never);
      return;
    case 'remove':
      await call('POST', '/cgi-bin/menu/delconditional', { menuid: step.menuId });
  }
}
