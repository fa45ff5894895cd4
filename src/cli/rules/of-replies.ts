import path from 'node:path';
import { ConfigError } from '../../config/config-error.js';
import { type Config, readConfig } from '../../config/settings.js';
import { kindOf } from '../../replies/open.js';
import type { CommandContext } from '../terminal/context.js';

/** Rules and models that REPLIES names, for any account, each once. */
export function filesOf({ accounts }: Config): string[] {
  const entries = accounts.flatMap(({ replies }) => replies);
  return [...new Set(entries)].filter((entry) => ['rules', 'model'].includes(kindOf(entry)));
}

/**
 * The names of the rules that an account is answered by, in the order in which they are asked; none where the settings do not say.
 *
 * @param appId default: the first account
 */
export function namesOfRules({ environment }: CommandContext, appId: string | undefined): string[] {
  let config: Config;
  try {
    config = readConfig(environment());
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
  const [first] = config.accounts;
  const account = appId === undefined ? first : config.accounts.find((one) => one.appId === appId);
  const entries = (account?.replies ?? []).filter((entry) => kindOf(entry) === 'rules');
  return entries.map((entry) => path.basename(entry));
}
