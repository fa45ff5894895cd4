import type { AppCredentials, FetchedToken } from './client.js';

/** A stored access token. */
export interface Credential {
  value: string;
  expiresAt: Date;
  /** Last forced renewal, if any. */
  forcedAt?: Date | undefined;
}

/** Where all processes keep their credentials; implemented over Postgres in db/credentials.ts. */
export interface CredentialStore {
  read(appId: string): Promise<Credential | undefined>;
  /**
   * Runs `renew` with what is stored now, while no other process can, and stores what it returns.
   * `undefined` leaves the stored one as it is.
   */
  exclusively(
    appId: string,
    renew: (current: Credential | undefined) => Promise<Credential | undefined>,
  ): Promise<Credential | undefined>;
}

export interface AccessTokens {
  /** A token in force. Renews it in the background shortly before its end. @throws TokenError */
  get(account: AppCredentials): Promise<string>;
  /** Called when WeChat refused `failed`; resolves with another one. @throws TokenError */
  replace(account: AppCredentials, failed: string): Promise<string>;
}

export interface AccessTokenDependencies {
  store: CredentialStore;
  fetchToken(account: AppCredentials, options: { forceRefresh: boolean }): Promise<FetchedToken>;
  clock: () => Date;
  onRefresh?(appId: string, result: 'ok' | 'error', error?: unknown): void;
}

/** In its last five minutes WeChat hands out the next token, and both are good: the time to change over. */
const renewBeforeMs = 5 * 60_000;

/** WeChat refuses forced renewals that follow one another within 30 s. */
const forcedPauseMs = 30_000;

/**
 * Keeps one access token an account for all processes: read from memory, then from Postgres, and renewed by one
 * HTTP call however many ask, because the renewal holds a lock and looks again once it has it.
 */
export function createAccessTokens({
  store,
  fetchToken,
  clock,
  onRefresh,
}: AccessTokenDependencies): AccessTokens {
  const cached = new Map<string, Credential>();
  const renewals = new Map<string, Promise<Credential>>();

  const remainingMs = ({ expiresAt }: Credential) => expiresAt.getTime() - clock().getTime();

  /** One renewal at a time in this process; who comes while it is under way shares it. */
  function renewOnce(account: AppCredentials, failed: string | undefined): Promise<Credential> {
    const underWay = renewals.get(account.appId);
    if (underWay) return underWay;
    const renewal = renew(account, failed).finally(() => renewals.delete(account.appId));
    renewals.set(account.appId, renewal);
    return renewal;
  }

  async function renew(account: AppCredentials, failed: string | undefined): Promise<Credential> {
    const { appId } = account;
    const credential = await store.exclusively(appId, async (current) => {
      const isGood = current && current.value !== failed && remainingMs(current) > renewBeforeMs;
      return isGood ? undefined : fetchAnother(account, current, failed);
    });
    if (!credential) throw new Error(`No credential is stored for ${appId} after its renewal`);
    cached.set(appId, credential);
    return credential;
  }

  async function fetchAnother(
    account: AppCredentials,
    current: Credential | undefined,
    failed: string | undefined,
  ): Promise<Credential> {
    const { appId } = account;
    try {
      let fetched = await fetchToken(account, { forceRefresh: false });
      let forcedAt = current?.forcedAt;
      const mayForce = !forcedAt || clock().getTime() - forcedAt.getTime() > forcedPauseMs;
      // WeChat still hands out the token that it refuses elsewhere: only force replaces it.
      if (fetched.value === failed && mayForce) {
        fetched = await fetchToken(account, { forceRefresh: true });
        forcedAt = clock();
      }
      onRefresh?.(appId, 'ok');
      return {
        value: fetched.value,
        expiresAt: new Date(clock().getTime() + fetched.expiresInSeconds * 1_000),
        forcedAt,
      };
    } catch (error) {
      onRefresh?.(appId, 'error', error);
      throw error;
    }
  }

  return {
    async get(account) {
      let credential = cached.get(account.appId);
      if (!credential || remainingMs(credential) <= renewBeforeMs) {
        // Another process may have renewed it already.
        credential = (await store.read(account.appId)) ?? credential;
        if (credential) cached.set(account.appId, credential);
      }
      if (!credential || remainingMs(credential) <= 0) return (await renewOnce(account, undefined)).value;
      if (remainingMs(credential) <= renewBeforeMs) {
        // Still good, so nobody waits; a failure has been reported, and the next call tries again.
        renewOnce(account, undefined).catch(() => undefined);
      }
      return credential.value;
    },

    async replace(account, failed) {
      const credential = cached.get(account.appId);
      if (credential && credential.value !== failed && remainingMs(credential) > 0) return credential.value;
      const renewed = await renewOnce(account, failed);
      // A renewal that began before this token failed may have brought just this one.
      return renewed.value === failed ? (await renewOnce(account, failed)).value : renewed.value;
    },
  };
}
