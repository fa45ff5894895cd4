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

export interface Renewal {
  /** Whether what is stored by now makes the renewal needless. */
  isGood(current: Credential): boolean;
  /**
   * Asks WeChat. What takes more than one call calls `prolong` before each further one: it throws when another process
   * has taken over (LeaseLostError), and then there is nothing left to ask.
   */
  fetch(current: Credential | undefined, prolong: () => Promise<void>): Promise<Credential>;
}

/** Where all processes keep their credentials; implemented over Postgres in credential-store.ts. */
export interface CredentialStore {
  read(appId: string, kind: CredentialKind): Promise<Credential | undefined>;
  /**
   * Resolves with a good one: what is stored, what another process fetches meanwhile, or what `fetch` gets while no other
   * process asks. No connection is held while WeChat is asked.
   *
   * @throws what `fetch` throws
   */
  renew(appId: string, kind: CredentialKind, renewal: Renewal): Promise<Credential>;
}

/** Another process has taken the renewal over, because this one took too long. */
export class LeaseLostError extends Error {
  readonly code = 'LEASE_LOST';
  constructor() {
    super('Another process renews this credential by now');
    this.name = 'LeaseLostError';
  }
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
  /** As in Renewal. `failed`: the one that WeChat refused, if that is the reason. */
  fetch(
    account: AppCredentials,
    current: Credential | undefined,
    failed: string | undefined,
    prolong: () => Promise<void>,
  ): Promise<Credential>;
  clock: () => Date;
  onRefresh?: ((appId: string, result: 'ok' | 'error', error?: unknown) => void) | undefined;
}

/** In its last five minutes WeChat hands out the next one, and both are good: the time to change over. */
const renewBeforeMs = 5 * 60_000;

/** In those minutes, how often it is looked whether another process has renewed it. */
const lookEveryMs = 1_000;

/** After a renewal that failed, before the next: twice as long each time. */
const firstPauseMs = 500;
const longestPauseMs = 60_000;
/** The same while there is none in force, and replies wait for it. */
const longestUrgentPauseMs = 5_000;

interface Kept {
  credential: Credential | undefined;
  lookAgainAt: number;
  looking: Promise<void> | undefined;
  underWay: Promise<Credential> | undefined;
  failures: number;
  lastFailure: { at: number; error: unknown } | undefined;
}

const nothingKept: Readonly<Kept> = {
  credential: undefined,
  lookAgainAt: 0,
  looking: undefined,
  underWay: undefined,
  failures: 0,
  lastFailure: undefined,
};

/**
 * Keeps one credential an account for all processes: read from memory, then from Postgres, and renewed by one HTTP call
 * however many ask.
 */
export function createCredentialKeeper({
  kind,
  store,
  fetch,
  clock,
  onRefresh,
}: CredentialKeeperDependencies): CredentialKeeper {
  const kept = new Map<string, Kept>();
  const now = () => clock().getTime();
  const remainingMs = ({ expiresAt }: Credential) => expiresAt.getTime() - now();
  const look = createLook(store, kind, now);

  function of(appId: string): Kept {
    const mine = kept.get(appId) ?? { ...nothingKept };
    kept.set(appId, mine);
    return mine;
  }

  /** One renewal at a time in this process; who comes while it is under way shares it. */
  function renewOnce(account: AppCredentials, failed: string | undefined): Promise<Credential> {
    const mine = of(account.appId);
    mine.underWay ??= renew(account, failed, mine).finally(() => {
      mine.underWay = undefined;
    });
    return mine.underWay;
  }

  async function renew(account: AppCredentials, failed: string | undefined, mine: Kept): Promise<Credential> {
    const { appId } = account;
    mine.credential = await store.renew(appId, kind, {
      isGood: (current) => current.value !== failed && remainingMs(current) > renewBeforeMs,
      async fetch(current, prolong) {
        try {
          const fetched = await fetch(account, current, failed, prolong);
          mine.failures = 0;
          onRefresh?.(appId, 'ok');
          return fetched;
        } catch (error) {
          if (error instanceof LeaseLostError) throw error;
          mine.failures += 1;
          mine.lastFailure = { at: now(), error };
          onRefresh?.(appId, 'error', error);
          throw error;
        }
      },
    });
    mine.failures = 0;
    return mine.credential;
  }

  /** Without one in force replies wait. What only a person can put right is told by the account's pause, not by ours. */
  function renewNow(account: AppCredentials, failed: string | undefined): Promise<Credential> {
    const mine = of(account.appId);
    const { lastFailure } = mine;
    if (
      !mine.underWay &&
      isTransient(lastFailure?.error) &&
      pauseLeftMs(mine, longestUrgentPauseMs, now()) > 0
    )
      return Promise.reject(lastFailure?.error);
    return renewOnce(account, failed);
  }

  return {
    peek({ appId }) {
      const { credential } = of(appId);
      return credential && remainingMs(credential) > renewBeforeMs ? credential.value : undefined;
    },

    async get(account) {
      const mine = of(account.appId);
      if (!mine.credential || remainingMs(mine.credential) <= renewBeforeMs) await look(account.appId, mine);
      const { credential } = mine;
      if (!credential || remainingMs(credential) <= 0) return (await renewNow(account, undefined)).value;
      // Still good, so nobody waits; a failure has been reported, and is tried again after a pause.
      if (remainingMs(credential) <= renewBeforeMs && pauseLeftMs(mine, longestPauseMs, now()) <= 0)
        renewOnce(account, undefined).catch(() => undefined);
      return credential.value;
    },

    async replace(account, failed) {
      const { credential } = of(account.appId);
      if (credential && credential.value !== failed && remainingMs(credential) > 0) return credential.value;
      const renewed = await renewNow(account, failed);
      // A renewal that began before this one failed may have brought just this one.
      return renewed.value === failed ? (await renewNow(account, failed)).value : renewed.value;
    },
  };
}

/** Another process may have renewed it already. Who comes while it is looked for shares the look, as all sends of a start do. */
function createLook(
  store: CredentialStore,
  kind: CredentialKind,
  now: () => number,
): (appId: string, mine: Kept) => Promise<void> | undefined {
  async function read(appId: string, mine: Kept): Promise<void> {
    mine.credential = (await store.read(appId, kind)) ?? mine.credential;
    mine.lookAgainAt = now() + lookEveryMs;
  }

  return (appId, mine) => {
    if (mine.credential && mine.credential.expiresAt.getTime() > now() && now() < mine.lookAgainAt)
      return undefined;
    mine.looking ??= read(appId, mine).finally(() => {
      mine.looking = undefined;
    });
    return mine.looking;
  };
}

/** How much longer WeChat is to be left alone after failures. */
function pauseLeftMs({ failures, lastFailure }: Kept, longestMs: number, now: number): number {
  if (failures === 0 || !lastFailure) return 0;
  return lastFailure.at + Math.min(longestMs, firstPauseMs * 2 ** (failures - 1)) - now;
}

/** WeChat did not answer, or was busy: an error of the kind that repeats itself, and ends by itself. */
function isTransient(error: unknown): boolean {
  return error instanceof Error && 'errorClass' in error && error.errorClass === 'transient';
}
