import type { SimulatedAccount } from './accounts.js';
import { shanghaiDay } from './calendar.js';
import { createIssuedTokens, type Token } from './issued-tokens.js';
import { type Refusal, refusal } from './refusal.js';

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
  stable(request: TokenRequest & { force_refresh?: unknown }): TokenResponse;
  /** GET /cgi-bin/token: each call replaces the token; the old one lives five more minutes at most. */
  classic(request: TokenRequest): TokenResponse;
  /** The account that a token belongs to, or why it is refused. */
  check(token: string | null): { ok: true; appId: string } | { ok: false; refusal: Refusal };
  /** The account that a token was handed out to, valid or not. */
  ownerOf(token: string): string | undefined;
}

/** As the API has it. */
type TokenResponse = { access_token: string; expires_in: number } | Refusal;

interface TokenRequest {
  grant_type?: unknown;
  appid?: unknown;
  secret?: unknown;
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
  const issued = createIssuedTokens(lifetimeSeconds * 1_000, clock);
  const mayForce = createForcing(clock);
  // With a lifetime shortened for a test, the overlap must not be the longer of the two.
  const overlap = Math.min(overlapMs, (lifetimeSeconds * 1_000) / 2);
  let forcedRefreshes = 0;

  function grant({ value, endsAt }: Token): TokenResponse {
    return { access_token: value, expires_in: Math.floor((endsAt - clock()) / 1_000) };
  }

  /** No overlap here: the stable tokens before it die at once. The classic token is separate, and lives on. */
  function force(appId: string): TokenResponse {
    const errcode = mayForce(appId);
    if (errcode !== undefined) return refusal(errcode);
    forcedRefreshes += 1;
    issued.revoke(appId, issued.of(appId).classic);
    return grant(issued.issue(appId, 'stable'));
  }

  return {
    stable(request) {
      const checked = checkSecret(request, secrets);
      if (!('appId' in checked)) return checked;
      const { appId } = checked;
      if (request.force_refresh === true) return force(appId);
      const old = issued.of(appId).stable;
      const left = old ? old.endsAt - clock() : 0;
      if (old && left > overlap) return grant(old);
      // One that has ended stays dead.
      if (old && left > 0) old.endsAt = clock() + overlap;
      return grant(issued.issue(appId, 'stable'));
    },

    classic(request) {
      const checked = checkSecret(request, secrets);
      if (!('appId' in checked)) return checked;
      const old = issued.of(checked.appId).classic;
      if (old) old.endsAt = Math.min(old.endsAt, clock() + overlap);
      return grant(issued.issue(checked.appId, 'classic'));
    },

    check: issued.check,
    ownerOf: issued.ownerOf,
    expire: issued.forget,
    current: (appId) => issued.of(appId).latest?.value,
    get issued() {
      return issued.count;
    },
    get forcedRefreshes() {
      return forcedRefreshes;
    },
  };
}

function checkSecret(
  { grant_type, appid, secret }: TokenRequest,
  secrets: ReadonlyMap<string, string>,
): { appId: string } | Refusal {
  if (grant_type !== 'client_credential') return refusal(40002);
  if (typeof appid !== 'string' || appid === '') return refusal(41002);
  const known = secrets.get(appid);
  if (known === undefined) return refusal(40013);
  if (typeof secret !== 'string' || secret === '') return refusal(41004);
  return secret === known ? { appId: appid } : refusal(40125);
}

/** Counts the forced refreshes of each account; says which errcode refuses one that comes too early or is too much. */
function createForcing(clock: () => number): (appId: string) => 45009 | 45011 | undefined {
  const latest = new Map<string, { day: number; count: number; at: number }>();
  return (appId) => {
    const now = clock();
    const day = shanghaiDay(now);
    const before = latest.get(appId);
    if (before && now - before.at < forcedPauseMs) return 45011;
    const count = before?.day === day ? before.count : 0;
    if (count >= forcedADay) return 45009;
    latest.set(appId, { day, count: count + 1, at: now });
    return undefined;
  };
}
