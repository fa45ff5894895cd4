import { randomBytes } from 'node:crypto';
import { type Refusal, refusal } from './refusal.js';

export interface Token {
  value: string;
  appId: string;
  /** The simulator's clock's, in ms; who makes the rules may bring it forward. */
  endsAt: number;
}

/** What an account was given last; each kind is separate. */
export interface LatestTokens {
  stable?: Token;
  classic?: Token;
  latest?: Token;
}

/** The access tokens that were handed out, and which of them are good; no rule of when to hand out one. */
export interface IssuedTokens {
  readonly count: number;
  issue(appId: string, kind: 'stable' | 'classic'): Token;
  of(appId: string): Readonly<LatestTokens>;
  /** Makes every token of the account invalid, but for this one. */
  revoke(appId: string, except?: Token): void;
  /** Makes every token of the account invalid, as if it never had one. */
  forget(appId: string): void;
  /** The account that a token belongs to, or why it is refused. */
  check(token: string | null): { ok: true; appId: string } | { ok: false; refusal: Refusal };
  /** The account that a token was handed out to, valid or not. */
  ownerOf(token: string): string | undefined;
}

export function createIssuedTokens(lifetimeMs: number, clock: () => number): IssuedTokens {
  const valid = new Map<string, Token>();
  const owners = new Map<string, string>();
  const byApp = new Map<string, LatestTokens>();

  function revoke(appId: string, except?: Token): void {
    for (const token of valid.values()) {
      if (token.appId === appId && token !== except) valid.delete(token.value);
    }
  }

  return {
    // Each token has an owner, for good.
    get count() {
      return owners.size;
    },
    issue(appId, kind) {
      const value = `SIM_${randomBytes(48).toString('base64url')}`;
      const token: Token = { value, appId, endsAt: clock() + lifetimeMs };
      valid.set(value, token);
      owners.set(value, appId);
      byApp.set(appId, { ...byApp.get(appId), [kind]: token, latest: token });
      return token;
    },
    of: (appId) => byApp.get(appId) ?? {},
    revoke,
    forget(appId) {
      revoke(appId);
      byApp.delete(appId);
    },
    check(value) {
      if (!value) return { ok: false, refusal: refusal(41001) };
      const token = valid.get(value);
      if (!token) return { ok: false, refusal: refusal(40001) };
      if (token.endsAt <= clock()) return { ok: false, refusal: refusal(42001) };
      return { ok: true, appId: token.appId };
    },
    ownerOf: (value) => owners.get(value),
  };
}
