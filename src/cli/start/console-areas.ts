import type { AccountConfig, Config } from '../../config/settings.js';
import type { AccountCheck } from '../../console/contract/overview.js';
import type { Area, AreaDependencies } from '../../console/server/area.js';
import { createConversationRoutes } from '../../console/server/conversations/routes.js';
import { createHistoryRoutes } from '../../console/server/history/routes.js';
import { createOverviewRoutes } from '../../console/server/overview/routes.js';
import { createRulesRoutes } from '../../console/server/rules/routes.js';
import type { Language } from '../../lib/language.js';
import { createWeb } from '../../lib/web.js';
import { checkAccount } from '../doctor/account.js';
import type { Finding } from '../doctor/finding.js';
import { wordsOf } from '../words/index.js';

/** The parts of the console's API beside sign-in and users. */
export const consoleAreas: readonly Area[] = [historyArea, overviewArea, conversationArea, rulesArea];

function historyArea(parts: AreaDependencies) {
  const accounts = parts.config.accounts.map(({ appId }) => appId);
  return createHistoryRoutes({ ...parts, accounts });
}

function overviewArea(parts: AreaDependencies) {
  const { config, clients } = parts;
  return createOverviewRoutes({
    ...parts,
    accounts: config.accounts,
    clientOf: clients.others,
    checkAccount: (account, language) => checkOf(account, config, language),
  });
}

function conversationArea(parts: AreaDependencies) {
  const { accounts, handoverIdleMinutes, mediaFromPrivateAddresses, proxies } = parts.config;
  const web = createWeb({ allowPrivateAddresses: mediaFromPrivateAddresses, proxies });
  return createConversationRoutes({ ...parts, accounts, handoverIdleMinutes, web });
}

function rulesArea(parts: AreaDependencies) {
  return createRulesRoutes({ ...parts, accounts: parts.config.accounts });
}

const levels = { ok: 'ok', warn: 'warning', fail: 'problem' } as const;

/** What the doctor finds of the account, in the reader's language. */
async function checkOf(
  account: AccountConfig,
  config: Config,
  language: Language,
): Promise<AccountCheck['findings']> {
  const findings = await checkAccount(account, config, wordsOf(language));
  return findings.map(({ level, what, found, todo }: Finding) => ({
    level: levels[level],
    title: what,
    detail: found,
    remedy: todo ?? null,
  }));
}
