import type { AccountState, Accounts } from '../state/accounts.js';
import { createListeners } from '../state/listeners.js';
import type { PushResult } from './platform.js';
import { createPlatform, type Platform, type PlatformTimes } from './platform.js';
import type { SimulatedUser } from './user.js';
import { createUsers, type Notice, type UserAct, type Users } from './users.js';

/** The pushing side of all accounts: each with its own webhook, users and signatures. */
export interface Pushes {
  /** Without an app id: of every account, those included that had one of their own. */
  setWebhookUrl(url: string, appId?: string): void;
  /** While it is, no push gets through, as when the webhook is down. */
  cutOff(isCutOff: boolean): void;
  readonly isCutOff: boolean;
  user(openid: string, appId?: string): SimulatedUser;
  checkServer(appId?: string): ReturnType<Platform['checkServer']>;
  onAct(listener: (act: UserAct) => void): () => void;
  onPush(listener: (result: PushResult) => void): () => void;
  onNotice(listener: (notice: Notice) => void): () => void;
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

export interface PushesOptions {
  accounts: Accounts;
  /** Of all accounts; may also be set later. */
  webhookUrl: string | undefined;
  times: PlatformTimes;
  clock: () => number;
}

/** Nobody listens there: the port is for discarding, and no longer in use. */
const closedUrl = 'http://127.0.0.1:9/';

interface Side {
  platform: Platform;
  users: Users;
}

export function createPushes({ accounts, webhookUrl, times, clock }: PushesOptions): Pushes {
  const webhookUrls = new Map<AccountState, string>();
  const acts = createListeners<UserAct>();
  const pushes = createListeners<PushResult>();
  const notices = createListeners<Notice>();
  let isCutOff = false;
  const sides = new Map<AccountState, Side>();

  function createSide(account: AccountState): Side {
    const platform = createPlatform({
      account: account.account,
      webhookUrl() {
        const url = webhookUrls.get(account);
        if (url === undefined) throw new Error('The simulator has no webhook URL: call setWebhookUrl');
        return isCutOff ? closedUrl : url;
      },
      ...times,
      clock,
    });
    const { notify: onAct } = acts;
    const { notify: onPush } = pushes;
    const { notify: onNotice } = notices;
    return { platform, users: createUsers({ account, platform, clock, onAct, onPush, onNotice }) };
  }

  function sideOf(appId: string | undefined): Side {
    const account = accounts.of(appId);
    const side = sides.get(account) ?? createSide(account);
    sides.set(account, side);
    return side;
  }

  function setWebhookUrl(url: string, appId?: string): void {
    for (const account of accounts.select(appId)) webhookUrls.set(account, url);
  }

  if (webhookUrl !== undefined) setWebhookUrl(webhookUrl);
  return {
    setWebhookUrl,
    cutOff(replacement) {
      isCutOff = replacement;
    },
    get isCutOff() {
      return isCutOff;
    },
    user: (openid, appId) => sideOf(appId).users.user(openid),
    checkServer: (appId) => sideOf(appId).platform.checkServer(),
    onAct: acts.add,
    onPush: pushes.add,
    onNotice: notices.add,
    async close() {
      await Promise.all([...sides.values()].map(({ platform }) => platform.close()));
    },
  };
}
