import { shanghaiDay } from '../wechat/out/calendar.js';
import type { AppCredentials, FetchedToken } from '../wechat/out/client.js';
import {
  type Credential,
  type CredentialKeeper,
  type CredentialStore,
  createCredentialKeeper,
} from './credential.js';

/** `get` and `replace` throw TokenError when none can be had. */
export type AccessTokens = CredentialKeeper;

export interface AccessTokenDependencies {
  store: CredentialStore;
  fetchToken(account: AppCredentials, options: { forceRefresh: boolean }): Promise<FetchedToken>;
  clock: () => Date;
  onRefresh?: (appId: string, result: 'ok' | 'error', error?: unknown) => void;
}

/** WeChat refuses forced renewals that follow one another within 30 s … */
const forcedPauseMs = 30_000;
/** … and more than so many on a day. */
const forcedADay = 20;

/** One access token an account for all processes, by the API that the account is set to. */
export function createAccessTokens({
  store,
  fetchToken,
  clock,
  onRefresh,
}: AccessTokenDependencies): AccessTokens {
  async function fetch(
    account: AppCredentials,
    current: Credential | undefined,
    failed: string | undefined,
    prolong: () => Promise<void>,
  ): Promise<Credential> {
    let fetched = await fetchToken(account, { forceRefresh: false });
    let { forcedAt, forcedThatDay } = current ?? {};
    // WeChat still hands out the token that it refuses elsewhere: only force replaces it. (Not in classic mode, where
    // each call replaces it.)
    if (fetched.value === failed && mayForce(current)) {
      await prolong();
      fetched = await fetchToken(account, { forceRefresh: true });
      forcedThatDay = forcedToday(current) + 1;
      forcedAt = clock();
    }
    const expiresAt = new Date(clock().getTime() + fetched.expiresInSeconds * 1_000);
    return { value: fetched.value, expiresAt, forcedAt, forcedThatDay };
  }

  function mayForce(current: Credential | undefined): boolean {
    if (!current?.forcedAt) return true;
    const sinceMs = clock().getTime() - current.forcedAt.getTime();
    return sinceMs > forcedPauseMs && forcedToday(current) < forcedADay;
  }

  function forcedToday(current: Credential | undefined): number {
    if (!current?.forcedAt || shanghaiDay(current.forcedAt) !== shanghaiDay(clock())) return 0;
    return current.forcedThatDay ?? 0;
  }

  return createCredentialKeeper({ kind: 'access_token', store, fetch, clock, onRefresh });
}
