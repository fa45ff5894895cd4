import type { Command } from 'commander';
import type { Config } from '../../config/settings.js';
import type { Pool } from '../../db/pool.js';
import { describeError } from '../../lib/describe-error.js';
import { withDatabase } from '../database/session.js';
import { type Finding, skipped } from '../doctor/finding.js';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';
import { type Words, wordsOf } from '../words/index.js';

interface Flags extends Json {
  afterRestore?: boolean;
  point?: Date;
  log?: readonly string[];
}

export function addDoctor(program: Command, context: CommandContext): void {
  const { help } = context.words;
  const parse = argumentParsers(context.words);
  program
    .command('doctor')
    .description(help.doctor.about)
    .option('--after-restore', help.doctor.afterRestore)
    .option('--point <time>', help.doctor.point, parse.time)
    .option('--log <files...>', help.doctor.log)
    .addOption(jsonOption(help))
    .action((flags: Flags) => doctor(context, flags));
}

type Tell = (...findings: readonly Finding[]) => void;

/** Looks at all there is, or at what a restore may have undone, tells it, and sets the exit code. */
export async function doctor({ words: ofReader, ...around }: CommandContext, flags: Flags): Promise<void> {
  const { json = false, afterRestore = false, ...restore } = flags;
  if (!afterRestore && Object.keys(restore).length > 0)
    throw new UsageError(ofReader.doctor.afterRestore.only);
  // Machines read English.
  const words = json ? wordsOf('en') : ofReader;
  const context = { ...around, words };
  const { doctor: say } = words;
  const findings: Finding[] = [];
  const tell: Tell = (...more) => {
    findings.push(...more);
    if (!json) for (const finding of more) print(context, toLine(finding));
  };

  if (afterRestore) await lookAfterRestore(context, restore, tell);
  else await lookAtAll(context, tell);

  const failed = findings.filter(({ level }) => level === 'fail').length;
  if (json) printJson(context, findings);
  else if (!afterRestore) print(context, `\n${failed === 0 ? say.allWell : say.failed(failed)}`);
  if (failed > 0) context.setExitCode(1);
}

async function lookAfterRestore(
  context: CommandContext,
  flags: Pick<Flags, 'point' | 'log'>,
  tell: Tell,
): Promise<void> {
  const { checkAfterRestore } = await import('../doctor/after-restore.js');
  await withDatabase(context, async (pool) => tell(...(await checkAfterRestore(pool, flags, context.words))));
}

async function lookAtAll(context: CommandContext, tell: Tell): Promise<void> {
  const { words } = context;
  const { doctor: say } = words;
  const names = Object.keys(context.environment());
  const isSetUp = names.some((name) => /^WECHAT_APP_|^ACCOUNTS_FILE$/.test(name));
  const config = isSetUp ? await lookAtSettings(context, tell) : undefined;
  await lookAtDatabase(context, config, tell);
  if (config) await lookOutside(config, words, tell);
  else {
    const why = isSetUp ? say.incomplete : say.noSettings;
    tell(skipped('API and webhook', why, words));
  }
}

async function lookAtSettings(context: CommandContext, tell: Tell): Promise<Config | undefined> {
  const { checkSettings } = await import('../doctor/settings.js');
  const { config, findings } = checkSettings(context.environment(), context.words);
  tell(...findings);
  return config;
}

/** What cannot be reached is a finding, too. */
async function lookAtDatabase(
  context: CommandContext,
  config: Config | undefined,
  tell: Tell,
): Promise<void> {
  const { words } = context;
  const { database: say } = words.doctor;
  const [{ readDatabaseConfig }, { databaseChecks }] = await Promise.all([
    import('../../config/settings.js'),
    import('../doctor/database.js'),
  ]);
  try {
    const { databaseUrl } = readDatabaseConfig(context.environment());
    if (!databaseUrl)
      tell({
        level: 'warn',
        what: 'database',
        found: say.embedded,
        todo: say.fineOnOne,
      });
    const look = async (pool: Pool) => {
      const about = { databaseConnections: config?.databaseConnections, words };
      for (const check of databaseChecks) tell(...(await check(pool, about)));
    };
    // Two, to see whether something stands between.
    await withDatabase(context, look, { connections: 2, makes: true });
  } catch (error) {
    tell({
      level: 'fail',
      what: 'database',
      found: describeError(error),
      todo: say.checkUrl,
    });
  }
}

async function lookOutside(config: Config, words: Words, tell: Tell): Promise<void> {
  const [{ checkApi, checkWebhook }, { checkAccount }] = await Promise.all([
    import('../doctor/api.js'),
    import('../doctor/account.js'),
  ]);
  tell(await checkApi(config, words));
  for (const account of config.accounts) tell(...(await checkAccount(account, config, words)));
  tell(...(await checkWebhook(config, words)));
}

const whatWidth = 17;
const indent = ' '.repeat('ok    '.length + whatWidth);

const mostDetails = 20;

function toLine({ level, what, found, todo, details = [] }: Finding): string {
  const shown = details.slice(0, mostDetails);
  return [
    `${level.padEnd(6)}${what.padEnd(whatWidth)}${found}`,
    ...shown.map((detail) => `${indent}${detail}`),
    ...(details.length > shown.length ? [`${indent}…`] : []),
    ...(todo && level !== 'ok' ? [`${indent}→ ${todo}`] : []),
  ].join('\n');
}
