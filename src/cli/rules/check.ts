import path from 'node:path';
import { readConfig } from '../../config/settings.js';
import { type InEachLanguage, say } from '../../lib/language.js';
import { ModelFileError } from '../../replies/model/file.js';
import { kindOf } from '../../replies/open.js';
import { describeRulesProblems, parseRules } from '../../replies/rules/parse.js';
import type { CommandContext, Environment } from '../terminal/context.js';
import type { Json } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';
import { readText } from './files.js';
import { filesOf } from './of-replies.js';

interface Checked {
  file: string;
  /** Undefined: it is a model's. */
  rules: number | undefined;
  problems: readonly { line: number | undefined; column: number | undefined; text: InEachLanguage }[];
  /** All of them; undefined where there is none. */
  told: InEachLanguage | undefined;
  /** Models that rules leave answers to. */
  models: readonly string[];
}

/** @param files none: those that REPLIES names, and the models that rules among them leave answers to, as a start reads them */
export async function check(
  context: CommandContext,
  files: readonly string[],
  { json = false }: Json,
): Promise<void> {
  const checked = files.length > 0 ? files.map((file) => rulesIn(context, file)) : await ofReplies(context);
  if (json) {
    const [only, ...others] = checked.map(toJson);
    printJson(context, files.length === 1 ? only : [only, ...others]);
  } else {
    for (const one of checked) tell(context, one);
  }
  if (checked.some(({ told }) => told !== undefined)) context.setExitCode(1);
}

async function ofReplies(context: CommandContext): Promise<Checked[]> {
  const environment = context.environment();
  const config = readConfig(environment);
  const entries = filesOf(config);
  if (entries.length === 0) throw new UsageError(context.words.commands.rules.noFiles);
  const rules = entries.filter((entry) => kindOf(entry) === 'rules').map((file) => rulesIn(context, file));
  const models = [
    ...entries.flatMap((entry) => (kindOf(entry) === 'model' ? [entry.slice('model:'.length)] : [])),
    ...rules.flatMap((one) => one.models),
  ];
  const unique = [...new Map(models.map((file) => [path.resolve(file), file])).values()];
  const checked = unique.map((file) => modelIn(file, environment, config.replyTimeoutMs));
  return [...rules, ...(await Promise.all(checked))];
}

function rulesIn(context: CommandContext, file: string): Checked {
  const parsed = parseRules(readText(context, file), file);
  if (!parsed.ok) {
    const { problems } = parsed;
    const told = say(describeRulesProblems(problems, file), describeRulesProblems(problems, file, 'zh-CN'));
    return { file, rules: undefined, problems, told, models: [] };
  }
  const { rules, sources } = parsed.rules;
  const models = sources.flatMap(({ source }) =>
    source.kind === 'llm' ? [path.join(path.dirname(file), source.file)] : [],
  );
  return { file, rules: rules.length, problems: [], told: undefined, models };
}

async function modelIn(file: string, environment: Environment, replyTimeoutMs: number): Promise<Checked> {
  const { loadModel } = await import('../../replies/model/source.js');
  const checked = { file, rules: undefined, models: [] };
  try {
    loadModel(file, { environment, replyTimeoutMs });
    return { ...checked, problems: [], told: undefined };
  } catch (error) {
    if (!(error instanceof ModelFileError)) throw error;
    const problems = error.problems.map(({ problem: text, ...place }) => ({ ...place, text }));
    return { ...checked, problems, told: error.told };
  }
}

function tell(context: CommandContext, { file, rules, told }: Checked): void {
  const { language, commands } = context.words;
  if (told) context.err.write(`${told[language]}\n`);
  else if (rules === undefined) print(context, commands.rules.modelInOrder(file));
  else print(context, commands.rules.inOrder(file, rules));
}

function toJson({ file, rules, problems }: Checked): unknown {
  return {
    ...{ file, ok: problems.length === 0, rules: rules ?? null },
    problems: problems.map(({ line = null, column = null, text }) => ({ line, column, message: text.en })),
  };
}
