import { ConfigError } from '../../config/config-error.js';
import { describeProblem, type SettingsProblem } from '../../config/problem.js';
import { type AccountConfig, type Config, readConfig } from '../../config/settings.js';
import type { Environment } from '../terminal/context.js';
import type { Words } from '../words/index.js';
import type { Finding } from './finding.js';

export interface SettingsLook {
  /** Undefined where something is wrong with them. */
  config: Config | undefined;
  findings: Finding[];
}

type SettingsWords = Words['doctor']['settings'];

export function checkSettings(
  environment: Environment,
  { doctor: { settings: words }, settings: problemWords }: Words,
): SettingsLook {
  try {
    const config = readConfig(environment);
    const accounts = config.accounts.map(({ appId }) => appId).join(', ');
    const complete = { level: 'ok', what: 'settings', found: words.complete(accounts) } as const;
    return {
      config,
      findings: [complete, ...config.accounts.flatMap((account) => checkProtection(account, words))],
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const toFinding = (problem: SettingsProblem): Finding => ({
      level: 'fail',
      what: 'settings',
      found: describeProblem(problem, problemWords),
      todo: words.seeExample,
    });
    return { config: undefined, findings: error.problems.map(toFinding) };
  }
}

/** Whether others than WeChat could push. */
function checkProtection(account: AccountConfig, words: SettingsWords): Finding[] {
  const { appId, encodingAesKeys, requireEncryption, cloudHosting } = account;
  if (cloudHosting !== 'off')
    return [
      {
        level: 'warn',
        what: 'signature',
        found: words.unsigned(appId),
        todo: words.closeAccess,
      },
    ];
  if (encodingAesKeys.length === 0)
    return [
      {
        level: 'warn',
        what: 'encryption',
        found: words.plaintext(appId),
        todo: words.chooseSecure,
      },
    ];
  if (!requireEncryption)
    return [
      {
        level: 'warn',
        what: 'encryption',
        found: words.plaintextToo(appId),
        todo: words.requireEncryption,
      },
    ];
  return [];
}
