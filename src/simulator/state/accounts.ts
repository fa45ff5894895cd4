import { type Agents, createAgents } from './agents.js';
import { type ApiUse, createApiUse } from './api-use.js';
import type { AutoReplyInfo } from './auto-replies.js';
import { createFollowers, type Followers } from './followers.js';
import { createMenus, type Menus } from './menus.js';
import { createQuota, type Quota } from './quotas.js';
import { createTyping, type Typing } from './typing.js';
import { createWindows, type Windows } from './windows.js';

/** How the owner of an account has set up its pushes in the console. */
export interface PushSettings {
  mode: 'plaintext' | 'compatible' | 'secure';
  format: 'xml' | 'json';
}

/** Without a mode or format of its own, the account has those of the simulator's options. */
export interface SimulatedAccount extends Partial<PushSettings> {
  appId: string;
  appSecret: string;
  token: string;
  /** 43 characters; needed for secure and compatible mode. */
  encodingAesKey?: string;
  /** gh_…, the ToUserName of pushes. Default: `gh_simulator`, and for further accounts gh_ and the app id. */
  originalId?: string;
}

/** What WeChat keeps of one account. OpenIDs are an account's own: the same one elsewhere is somebody else. */
export interface AccountState {
  readonly account: SimulatedAccount;
  /** The ToUserName of its pushes. */
  readonly originalId: string;
  readonly settings: PushSettings;
  readonly windows: Windows;
  readonly typing: Typing;
  /** Of sends. */
  readonly quota: Quota;
  readonly apiUse: ApiUse;
  readonly menus: Menus;
  readonly followers: Followers;
  readonly agents: Agents;
  /** Made in the console; undefined where there are none. */
  autoReplies: AutoReplyInfo | undefined;
  /** OpenIDs of those who left. */
  readonly unsubscribed: Set<string>;
}

export interface Accounts {
  readonly all: readonly AccountState[];
  /**
   * The first one when it is not said which.
   *
   * @throws Error when there is no such account
   */
  of(appId?: string): AccountState;
  /** All of them when it is not said which. */
  select(appId?: string): readonly AccountState[];
}

export interface AccountsOptions {
  first: SimulatedAccount;
  more: readonly SimulatedAccount[];
  /** Of those accounts that have no settings of their own. */
  settings: PushSettings;
  clock: () => number;
  /** The account has another menu, or none. */
  onMenu(appId: string): void;
}

/** @throws Error when two accounts have the same app id */
export function createAccounts({ first, more, settings, clock, onMenu }: AccountsOptions): Accounts {
  const firstState = createState(first, 'gh_simulator');
  const byAppId = new Map([[first.appId, firstState]]);
  for (const account of more) {
    const { appId } = account;
    if (byAppId.has(appId)) throw new Error(`Two simulated accounts have the app id ${appId}`);
    byAppId.set(appId, createState(account, `gh_${appId}`));
  }
  const all = [...byAppId.values()];

  function createState(account: SimulatedAccount, originalId: string): AccountState {
    return {
      account,
      originalId: account.originalId ?? originalId,
      settings: { mode: account.mode ?? settings.mode, format: account.format ?? settings.format },
      windows: createWindows(clock),
      typing: createTyping(clock),
      quota: createQuota(clock),
      apiUse: createApiUse(clock),
      menus: createMenus(() => onMenu(account.appId)),
      followers: createFollowers(clock),
      agents: createAgents(clock),
      autoReplies: undefined,
      unsubscribed: new Set(),
    };
  }

  function of(appId?: string): AccountState {
    if (appId === undefined) return firstState;
    const known = byAppId.get(appId);
    if (!known)
      throw new Error(`The simulator has no account ${appId}, only ${[...byAppId.keys()].join(', ')}`);
    return known;
  }

  return { all, of, select: (appId) => (appId === undefined ? all : [of(appId)]) };
}
