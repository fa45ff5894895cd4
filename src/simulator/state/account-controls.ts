import type { Accounts } from './accounts.js';
import type { Agent } from './agents.js';
import type { AutoReplyInfo } from './auto-replies.js';
import type { Follower } from './followers.js';
import type { Button } from './menus.js';

/** What a test may see of the menus, and do to them. Without an app id: of the first account. */
interface MenuControls {
  current(appId?: string): readonly Button[] | undefined;
  /** A menu that was made in the console, in the form of get_current_selfmenu_info. */
  setInConsole(selfmenuInfo: Readonly<Record<string, unknown>> | undefined, appId?: string): void;
}

/** What a test may do to what is known of a user. */
interface FollowerControls {
  /** Makes a follower of somebody who is none. Without an app id: of the first account. */
  set(openid: string, change: Partial<Follower>, appId?: string): void;
}

/** What a test may see of the customer service, and do to it. Without an app id: of the first account. */
interface AgentControls {
  /** Switches it on, with these; undefined switches it off, as it is at first. */
  set(agents: readonly Agent[] | undefined, appId?: string): void;
  /** The kf_account that serves the user now. */
  servedBy(openid: string, appId?: string): string | undefined;
}

/** What a test may do to the automatic replies of the console. Without an app id: of the first account. */
interface AutoReplyControls {
  /** Undefined: there are none, as at first. */
  set(info: AutoReplyInfo | undefined, appId?: string): void;
}

/** What a test may see and change of what the accounts are. */
export interface AccountControls {
  readonly menus: MenuControls;
  readonly autoReplies: AutoReplyControls;
  readonly followers: FollowerControls;
  readonly agents: AgentControls;
}

export function createAccountControls({ of }: Accounts): AccountControls {
  return {
    menus: {
      current: (appId) => of(appId).menus.current?.button,
      setInConsole(selfmenuInfo, appId) {
        of(appId).menus.console = selfmenuInfo;
      },
    },
    autoReplies: {
      set(info, appId) {
        of(appId).autoReplies = info;
      },
    },
    followers: { set: (openid, change, appId) => of(appId).followers.change(openid, change) },
    agents: {
      set(agents, appId) {
        of(appId).agents.all = agents;
      },
      servedBy: (openid, appId) => of(appId).agents.sessionOf(openid)?.kfAccount,
    },
  };
}
