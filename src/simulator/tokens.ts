import { randomBytes } from 'node:crypto';
import { type Answer, type Refusal, refusal } from './answers.js';
import { shanghaiDay } from './calendar.js';
import type { SimulatedAccount } from './types.js';

/** What a test may see of the access tokens, and do to them. */
export interface TokenControls {
  /** Different tokens that were handed out. */
  readonly issued: number;
  /** Of those, by force_refresh. */
  readonly forcedRefreshes: number;
  /** The token handed out last, unless it was made invalid. */
  current(appId: string): string | undefined;
  /** Makes every token of the account invalid at once (40001), as a stranger's refresh would. */
  expire(appId: string): void;
}

export interface Tokens extends TokenControls {
  /** POST /cgi-bin/stable_token, with the parsed body. */
  stable(request: TokenRequest & { force_refresh?: unknown }): Answer;
  /** GET /cgi-bin/token: each call replaces the token; the old one lives five more minutes at most. */
  classic(request: TokenRequest): Answer;
  /** The account that a token belongs to, or why it is refused. */
  check(token: string | null): { ok: true; appId: string } | { ok: false; refusal: Refusal };
  /** The account that a token was handed out to, valid or not. */
  ownerOf(token: string): string | undefined;
}

interface TokenRequest {
  grant_type?: unknown;
  appid?: unknown;
  secret?: unknown;
}

interface Token {
  value: string;
  appId: string;
  endsAt: number;
}

interface Issued {
  stable?: Token;
  classic?: Token;
  latest?: Token;
  forced: { day: number; count: number; at: number };
}

/** How long an old and a new token are valid side by side. */
const overlapMs = 5 * 60_000;
const forcedPauseMs = 30_000;
const forcedADay = 20;

/** Access tokens of both kinds; source of the rules: the pages of getStableAccessToken and getAccessToken. */
export function createTokens(
  accounts: readonly SimulatedAccount[],
  lifetimeSeconds: number,
  clock: () => number,
): Tokens {
  const secrets = new Map(accounts.map(({ appId, appSecret }) => [appId, appSecret]));
  const valid = new Map<string, Token>();
  const owners = new Map<string, string>();
  const byApp = new Map<string, Issued>();
  // With a lifetime shortened for a test, the overlap must not be the longer of the two.
  const overlap = Math.min(overlapMs, (lifetimeSeconds * 1_000) / 2);
  let issued = 0;
  let forcedRefreshes = 0;

  function of(appId: string): Issued {
    const known = byApp.get(appId);
    if (known) return known;
    const fresh: Issued = { forced: { day: 0, count: 0, at: Number.NEGATIVE_INFINITY } };
    byApp.set(appId, fresh);
    return fresh;
  }

  function check({ grant_type, appid, secret }: TokenRequest): { appId: string } | Refusal {
    if (grant_type !== 'client_credential') return refusal(40002);
    if (typeof appid !== 'string' || appid === '') return refusal(41002);
    const known = secrets.get(appid);
    if (known === undefined) return refusal(40013);
    if (typeof secret !== 'string' || secret === '') return refusal(41004);
    return secret === known ? { appId: appid } : refusal(40125);
  }

  function issue(appId: string, kind: 'stable' | 'classic'): Answer {
    issued += 1;
    const token: Token = {
      value: `SIM_${randomBytes(48).toString('base64url')}`,
      appId,
      endsAt: clock() + lifetimeSeconds * 1_000,
    };
    valid.set(token.value, token);
    owners.set(token.value, appId);
    const state = of(appId);
    state[kind] = token;
    state.latest = token;
    return answer(token);
  }

  function answer({ value, endsAt }: Token): Answer {
    return { access_token: value, expires_in: Math.floor((endsAt - clock()) / 1_000) };
  }

  /** No overlap here: the tokens before it die at once. */
  function force(appId: string): Answer {
    const { forced } = of(appId);
    const now = clock();
    const day = shanghaiDay(now);
    if (now - forced.at < forcedPauseMs) return { ...refusal(45011) };
    const count = forced.day === day ? forced.count : 0;
    if (count >= forcedADay) return { ...refusal(45009) };
    of(appId).forced = { day, count: count + 1, at: now };
    forcedRefreshes += 1;
    // The classic token is separate, and lives on.
    const classic = of(appId).classic;
    for (const token of valid.values()) {
      if (token.appId === appId && token !== classic) valid.delete(token.value);
    }
    return issue(appId, 'stable');
  }

  return {
    stable(request) {
      const checked = check(request);
      if (!('appId' in checked)) return { ...checked };
      const { appId } = checked;
      if (request.force_refresh === true) return force(appId);
      const old = of(appId).stable;
      const left = old ? old.endsAt - clock() : 0;
      if (old && left > overlap) return answer(old);
      // One that has ended stays dead.
      if (old && left > 0) old.endsAt = clock() + overlap;
      return issue(appId, 'stable');
    },

    classic(request) {
      const checked = check(request);
      if (!('appId' in checked)) return { ...checked };
      const old = of(checked.appId).classic;
      if (old) old.endsAt = Math.min(old.endsAt, clock() + overlap);
      return issue(checked.appId, 'classic');
    },

    check(value) {
      if (!value) return { ok: false, refusal: refusal(41001) };
      const token = valid.get(value);
      if (!token) return { ok: false, refusal: refusal(40001) };
      if (token.endsAt <= clock()) return { ok: false, refusal: refusal(42001) };
      return { ok: true, appId: token.appId };
    },

    ownerOf: (value) => owners.get(value),

    expire(appId) {
      for (const token of valid.values()) if (token.appId === appId) valid.delete(token.value);
      const { forced } = of(appId);
      byApp.set(appId, { forced });
    },

    current: (appId) => byApp.get(appId)?.latest?.value,
    get issued() {
      return issued;
    },
    get forcedRefreshes() {
      return forcedRefreshes;
    },
  };
}
