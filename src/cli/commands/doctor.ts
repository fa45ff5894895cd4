import type { Command } from 'commander';
import type { Config } from '../../config/settings.js';
import type { Pool } from '../../db/pool.js';
import { describeError } from '../../lib/describe-error.js';
import { withDatabase } from '../database/session.js';
import { type Finding, skipped } from '../doctor/finding.js';
import type { CommandContext } from '../terminal/context.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';

export function addDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description(
      'check settings, database, migrations, clock, API, secret, allowlist and webhook; says what to do',
    )
    .addOption(jsonOption())
    .action(({ json = false }: Json) => doctor(context, json));
}

type Tell = (...findings: readonly Finding[]) => void;

async function doctor(context: CommandContext, json: boolean): Promise<void> {
  const findings: Finding[] = [];
  const tell: Tell = (...more) => {
    findings.push(...more);
    if (!json) for (const finding of more) print(context, toLine(finding));
  };

  const names = Object.keys(context.environment());
  const isSetUp = names.some((name) => /^WECHAT_APP_|^ACCOUNTS_FILE$/.test(name));
  const config = isSetUp ? await lookAtSettings(context, tell) : undefined;
  await lookAtDatabase(context, config, tell);
  if (config) await lookOutside(config, tell);
  else {
    const why = isSetUp ? 'the settings are not complete' : 'no settings of an account here';
    tell(skipped('API and webhook', why));
  }

  const failed = findings.filter(({ level }) => level === 'fail').length;
  if (json) printJson(context, findings);
  else print(context, failed === 0 ? '\nnothing is in the way' : `\n${failed} to be put right`);
  if (failed > 0) context.setExitCode(1);
}

async function lookAtSettings(context: CommandContext, tell: Tell): Promise<Config | undefined> {
  const { checkSettings } = await import('../doctor/settings.js');
  const { config, findings } = checkSettings(context.environment());
  tell(...findings);
  return config;
}

/** What cannot be reached is a finding, too. */
async function lookAtDatabase(
  context: CommandContext,
  config: Config | undefined,
  tell: Tell,
): Promise<void> {
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
        found: 'DATABASE_URL is not set: the embedded PostgreSQL is used',
        todo: 'fine on one machine; set DATABASE_URL for more',
      });
    const look = async (pool: Pool) => {
      const about = { databaseConnections: config?.databaseConnections };
      for (const check of databaseChecks) tell(...(await check(pool, about)));
    };
    // Two, to see whether something stands between.
    await withDatabase(context, look, { connections: 2 });
  } catch (error) {
    tell({
      level: 'fail',
      what: 'database',
      found: describeError(error),
      todo: 'check DATABASE_URL, that the server runs, and that it lets this machine in',
    });
  }
}

async function lookOutside(config: Config, tell: Tell): Promise<void> {
  const [{ checkApi, checkWebhook }, { checkAccount }] = await Promise.all([
    import('../doctor/api.js'),
    import('../doctor/account.js'),
  ]);
  tell(await checkApi(config));
  for (const account of config.accounts) tell(...(await checkAccount(account, config)));
  tell(...(await checkWebhook(config)));
}

const whatWidth = 17;
const indent = ' '.repeat('ok    '.length + whatWidth);

function toLine({ level, what, found, todo }: Finding): string {
  const line = `${level.padEnd(6)}${what.padEnd(whatWidth)}${found}`;
  return todo && level !== 'ok' ? `${line}\n${indent}→ ${todo}` : line;
}
