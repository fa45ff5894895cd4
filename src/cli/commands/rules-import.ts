import path from 'node:path';
import type { Command } from 'commander';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

interface Flags extends Json {
  output?: string;
  overwrite?: boolean;
  account?: string;
}

const defaultOutput = 'rules.yaml';

export function addRulesImport(rules: Command, context: CommandContext): void {
  const { help } = context.words;
  rules
    .command('import')
    .description(help.rulesImport.about)
    .option('-o, --output <file>', help.rulesImport.output, defaultOutput)
    .option('--overwrite', help.export.overwrite)
    .addOption(accountOption(help, help.rulesImport.account))
    .addOption(jsonOption(help))
    .addHelpText('after', help.rulesImport.more)
    .action((flags: Flags) => importRules(context, flags));
}

async function importRules(context: CommandContext, flags: Flags): Promise<void> {
  const { output = defaultOutput, overwrite = false, account, json = false } = flags;
  const { rulesImport: words, export: ofFiles } = context.words.commands;
  const [{ withApi }, { fetchMenu }, { readConsoleReplies }, { createImportFiles }, { writeRulesFile }] =
    await Promise.all([
      import('../database/api.js'),
      import('../menu/fetch.js'),
      import('../import/console-replies.js'),
      import('../import/files.js'),
      import('../import/rules-file.js'),
    ]);
  const { createExportFile } = await import('../export/file.js');
  // Before anything is asked for: it may not be overwritten.
  const file = await createExportFile(output, { overwrite, words: ofFiles });
  try {
    await withApi(context, account, async (api) => {
      const info = await api.call('GET', '/cgi-bin/get_current_autoreply_info');
      const replies = readConsoleReplies(info, await fetchMenu(api));
      const { dir, name } = path.parse(output);
      const files = createImportFiles(api, path.join(dir, `${name}-media`));
      const { content, rules, missing } = await writeRulesFile(replies, { appId: api.appId, files, words });
      await assertReadable(content, output);
      await file.write(content);
      await file.complete();
      if (json)
        return printJson(context, { account: api.appId, file: output, rules, files: files.count, missing });
      const done = rules === 0 ? words.none(api.appId) : words.done(rules, output, files.count);
      print(context, done + (missing.length > 0 ? words.missed(missing.length) : ''));
    });
  } catch (error) {
    await file.discard().catch(() => undefined);
    throw error;
  }
}

/** What we write must be rules. */
async function assertReadable(content: string, output: string): Promise<void> {
  const { describeRulesProblems, parseRules } = await import('../../replies/rules/parse.js');
  const parsed = parseRules(content, output);
  if (!parsed.ok)
    throw new Error(`What was read is no file of rules: ${describeRulesProblems(parsed.problems, output)}`);
}
