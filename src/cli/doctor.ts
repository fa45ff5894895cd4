import { type Config, ConfigError, readConfig, readDatabaseConfig } from '../config/settings.js';
import type { Pool } from '../db/pool.js';
import { checkAccount } from './doctor-account.js';
import { checkApi, checkWebhook } from './doctor-api.js';
import { databaseChecks, type ServiceHere } from './doctor-database.js';
import { print, printJson } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';

/** One line of the doctor's: what was looked at, how it is, and what to do where it is not well. */
export interface Finding {
  level: 'ok' | 'warn' | 'fail';
  what: string;
  found: string;
  todo?: string;
}

export interface DoctorOptions {
  environment: Environment;
  json: boolean;
}

/** `wechat-outbox doctor`: looks at all that has to be right; exit code 1 where something is not. */
export async function doctorCommand({ environment, json }: DoctorOptions): Promise<void> {
  const findings: Finding[] = [];
  const tell = (...more: readonly Finding[]) => {
    findings.push(...more);
    if (!json) for (const finding of more) print(toLine(finding));
  };

  const isSetUp = Object.keys(environment).some((name) => /^WECHAT_APP_|^ACCOUNTS_FILE$/.test(name));
  const config = isSetUp ? checkSettings(environment, tell) : undefined;
  await checkDatabase(environment, { databaseConnections: config?.databaseConnections }, tell);
  if (config) {
    tell(await checkApi(config));
    for (const account of config.accounts) tell(...(await checkAccount(account, config)));
    tell(...(await checkWebhook(config)));
  } else {
    const why = isSetUp ? 'the settings are not complete' : 'no settings of an account here';
    tell(skipped('API and webhook', why));
  }

  const failed = findings.filter(({ level }) => level === 'fail').length;
  if (json) printJson(findings);
  else print(failed === 0 ? '\nnothing is in the way' : `\n${failed} to be put right`);
  if (failed > 0) process.exitCode = 1;
}

export function skipped(what: string, why: string): Finding {
  return { level: 'warn', what, found: `not looked at: ${why}`, todo: 'run it where the service runs' };
}

function checkSettings(environment: Environment, tell: (finding: Finding) => void): Config | undefined {
  try {
    const config = readConfig(environment);
    const accounts = config.accounts.map(({ appId }) => appId).join(', ');
    tell({ level: 'ok', what: 'settings', found: `complete, for ${accounts}` });
    for (const { appId, encodingAesKeys, requireEncryption, cloudHosting } of config.accounts) {
      if (cloudHosting !== 'off')
        tell({
          level: 'warn',
          what: 'signature',
          found: `${appId} takes pushes without one (WECHAT_CLOUD_HOSTING): whoever reaches the port can write as any user`,
          todo: 'let public access of the service be off',
        });
      else if (encodingAesKeys.length === 0)
        tell({
          level: 'warn',
          what: 'encryption',
          found: `${appId} takes plaintext: its signature does not cover what is pushed`,
          todo: 'choose secure mode in the console and set WECHAT_ENCODING_AES_KEY',
        });
      else if (!requireEncryption)
        tell({
          level: 'warn',
          what: 'encryption',
          found: `${appId} takes plaintext beside what is encrypted`,
          todo: 'once secure mode works, set WECHAT_REQUIRE_ENCRYPTION=true',
        });
    }
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems)
      tell({ level: 'fail', what: 'settings', found: problem, todo: 'see .env.example' });
    return undefined;
  }
}

async function checkDatabase(
  environment: Environment,
  about: ServiceHere,
  tell: (...findings: Finding[]) => void,
): Promise<void> {
  try {
    const { databaseUrl } = readDatabaseConfig(environment);
    if (!databaseUrl)
      tell({
        level: 'warn',
        what: 'database',
        found: 'DATABASE_URL is not set: the embedded PostgreSQL is used',
        todo: 'fine on one machine; set DATABASE_URL for more',
      });
    const look = async (pool: Pool) => {
      for (const check of databaseChecks) tell(...(await check(pool, about)));
    };
    // Two, to see whether something stands between.
    await withDatabase(environment, look, { connections: 2 });
  } catch (error) {
    const found = error instanceof AggregateError ? error.errors.join('; ') : String(error);
    tell({
      level: 'fail',
      what: 'database',
      found,
      todo: 'check DATABASE_URL, that the server runs, and that it lets this machine in',
    });
  }
}

const whatWidth = 17;
const indent = ' '.repeat('ok    '.length + whatWidth);

function toLine({ level, what, found, todo }: Finding): string {
  const line = `${level.padEnd(6)}${what.padEnd(whatWidth)}${found}`;
  return todo && level !== 'ok' ? `${line}\n${indent}→ ${todo}` : line;
}
