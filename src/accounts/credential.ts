import type { AppCredentials } from '../wechat/out/client.js';

export type CredentialKind = 'access_token' | 'jsapi_ticket';

/** A stored token or ticket. */
export interface Credential {
  value: string;
  expiresAt: Date;
  /** Last forced renewal, if any, and how many there were on its day (by the clock of Shanghai). */
  forcedAt?: Date | undefined;
  forcedThatDay?: number | undefined;
}

/** Where all processes keep their credentials; implemented over Postgres in db/credentials.ts. */
export interface CredentialStore {
  read(appId: string, kind: CredentialKind): Promise<Credential | undefined>;
  /**
   * Runs `renew` with what is stored now, while no other process can, and stores what it returns.
   * `undefined` leaves the stored one as it is.
   */
  exclusively(
    appId: string,
    kind: CredentialKind,
    renew: (current: Credential | undefined) => Promise<Credential | undefined>,
  ): Promise<Credential | undefined>;
}

export interface CredentialKeeper {
  /** One in force that is in memory and not due for renewal; undefined where `get` would have to do more. */
  peek(account: AppCredentials): string | undefined;
  /** One in force. Renews it in the background shortly before its end. @throws what `fetch` throws */
  get(account: AppCredentials): Promise<string>;
  /** Called when WeChat refused `failed`; resolves with another one. @throws what `fetch` throws */
  replace(account: AppCredentials, failed: string): Promise<string>;
}

export interface CredentialKeeperDependencies {
  kind: CredentialKind;
  store: CredentialStore;
  /** Asks WeChat, while no other process does. `failed`: the one that WeChat refused, if that is the reason. */
  fetch(
    account: AppCredentials,
    current: Credential | undefined,
    failed: string | undefined,
  ): Promise<Credential>;
  clock: () => Date;
  onRefresh?: ((appId: string, result: 'ok' | 'error', error?: unknown) => void) | undefined;
}

/** In its last five minutes WeChat hands out the next one, and both are good: the time to change over. */
const renewBeforeMs = 5 * 60_000;

/**
 * Keeps one credential an account for all processes: read from memory, then from Postgres, and renewed by one
 * HTTP call however many ask, because the renewal holds a lock and looks again once it has it.
 */
export function createCredentialKeeper({
  kind,
  store,
  fetch,
  clock,
  onRefresh,
}: CredentialKeeperDependencies): CredentialKeeper {
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
    const credential = await store.exclusively(appId, kind, async (current) => {
      const isGood = current && current.value !== failed && remainingMs(current) > renewBeforeMs;
      return isGood ? undefined : fetchAnother(account, current, failed);
    });
    if (!credential) throw new Error(`No ${kind} is stored for ${appId} after its renewal`);
    cached.set(appId, credential);
    return credential;
  }

  async function fetchAnother(
    account: AppCredentials,
    current: Credential | undefined,
    failed: string | undefined,
  ): Promise<Credential> {
    try {
      const fetched = await fetch(account, current, failed);
      onRefresh?.(account.appId, 'ok');
      return fetched;
    } catch (error) {
      onRefresh?.(account.appId, 'error', error);
      throw error;
    }
  }

  return {
    peek({ appId }) {
      const credential = cached.get(appId);
      return credential && remainingMs(credential) > renewBeforeMs ? credential.value : undefined;
    },

    async get(account) {
      let credential = cached.get(account.appId);
      if (!credential || remainingMs(credential) <= renewBeforeMs) {
        // Another process may have renewed it already.
        credential = (await store.read(account.appId, kind)) ?? credential;
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
      // A renewal that began before this one failed may have brought just this one.
      return renewed.value === failed ? (await renewOnce(account, failed)).value : renewed.value;
    },
  };
}
