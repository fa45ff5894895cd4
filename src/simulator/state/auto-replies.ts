import type { Accounts } from './accounts.js';

/** What the owner made in the console, in the form of get_current_autoreply_info. */
export type AutoReplyInfo = Readonly<Record<string, unknown>>;

/** What a test may do to the automatic replies of the console. Without an app id: of the first account. */
export interface AutoReplyControls {
  /** Undefined: there are none, as at first. */
  set(info: AutoReplyInfo | undefined, appId?: string): void;
}

export function createAutoReplyControls(accounts: Accounts): AutoReplyControls {
  return {
    set(info, appId) {
      accounts.of(appId).autoReplies = info;
    },
  };
}
