import type { Accounts } from './accounts.js';
import type { QuotaLimits } from './quotas.js';

/** What a test may see of the send quotas, and do to them. Without an app id: of all accounts. */
export interface QuotaControls {
  /** Replaces the limits there are; at first there are none. What was used counts against the new ones. */
  set(limits: QuotaLimits, appId?: string): void;
  /** Sends of today that got past the check of the token, those refused afterwards included. */
  used(appId?: string): number;
}

export function createQuotaControls(accounts: Accounts): QuotaControls {
  return {
    set(limits, appId) {
      for (const { quota } of accounts.select(appId)) quota.limit(limits);
    },
    used: (appId) => accounts.select(appId).reduce((sum, { quota }) => sum + quota.usedToday, 0),
  };
}
