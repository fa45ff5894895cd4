import { type AccountConfig, type Config, ConfigError, readConfig } from '../../config/settings.js';
import type { Environment } from '../terminal/context.js';
import type { Finding } from './finding.js';

export interface SettingsLook {
  /** Undefined where something is wrong with them. */
  config: Config | undefined;
  findings: Finding[];
}

export function checkSettings(environment: Environment): SettingsLook {
  try {
    const config = readConfig(environment);
    const accounts = config.accounts.map(({ appId }) => appId).join(', ');
    const complete = { level: 'ok', what: 'settings', found: `complete, for ${accounts}` } as const;
    return { config, findings: [complete, ...config.accounts.flatMap(checkProtection)] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const toFinding = (found: string): Finding => ({
      level: 'fail',
      what: 'settings',
      found,
      todo: 'see .env.example',
    });
    return { config: undefined, findings: error.problems.map(toFinding) };
  }
}

/** Whether others than WeChat could push. */
function checkProtection(account: AccountConfig): Finding[] {
  const { appId, encodingAesKeys, requireEncryption, cloudHosting } = account;
  if (cloudHosting !== 'off')
    return [
      {
        level: 'warn',
        what: 'signature',
        found: `${appId} takes pushes without one (WECHAT_CLOUD_HOSTING): whoever reaches the port can write as any user`,
        todo: 'let public access of the service be off',
      },
    ];
  if (encodingAesKeys.length === 0)
    return [
      {
        level: 'warn',
        what: 'encryption',
        found: `${appId} takes plaintext: its signature does not cover what is pushed`,
        todo: 'choose secure mode in the console and set WECHAT_ENCODING_AES_KEY',
      },
    ];
  if (!requireEncryption)
    return [
      {
        level: 'warn',
        what: 'encryption',
        found: `${appId} takes plaintext beside what is encrypted`,
        todo: 'once secure mode works, set WECHAT_REQUIRE_ENCRYPTION=true',
      },
    ];
  return [];
}
