import { randomBytes } from 'node:crypto';
import type { SimulatedAccount } from './types.js';

type TokenAnswer = { access_token: string; expires_in: number } | { errcode: number; errmsg: string };

export interface Tokens {
  /** POST /cgi-bin/stable_token */
  stable(request: { appid?: unknown; secret?: unknown; force_refresh?: unknown }): TokenAnswer;
  /** GET /cgi-bin/token: each call replaces the token; the old one lives five more minutes. */
  classic(request: { appid?: unknown; secret?: unknown }): TokenAnswer;
  /** The account a token belongs to, or why it is refused. */
  check(token: string | null): { ok: true; appId: string } | { ok: false; errcode: number; errmsg: string };
  /** Makes every token of the account invalid at once, as a stranger's refresh would. */
  expire(appId: string): void;
  current(appId: string): string | undefined;
  /** Token calls that were answered with a token. */
  readonly calls: number;
  /** Different tokens that were handed out. */
  readonly issued: number;
  readonly forced: number;
}

interface Token {
  value: string;
  appId: string;
  endsAt: number;
}

const overlapMs = 5 * 60_000;
const forcedPauseMs = 30_000;
const forcedADay = 20;

export function createTokens(
  accounts: readonly SimulatedAccount[],
  lifetimeSeconds: number,
  clock: () => number,
): Tokens {
  const secrets = new Map(accounts.map(({ appId, appSecret }) => [appId, appSecret]));
  const valid = new Map<string, Token>();
  const latest = new Map<string, Token>();
  const forcedAt = new Map<string, number[]>();
  let calls = 0;
  let issued = 0;
  let forced = 0;

  function refuse(request: {
    appid?: unknown;
    secret?: unknown;
  }): { errcode: number; errmsg: string } | undefined {
    const secret = secrets.get(String(request.appid));
    if (secret === undefined) return { errcode: 40013, errmsg: 'invalid appid' };
    if (secret !== request.secret) return { errcode: 40125, errmsg: 'invalid appsecret' };
    return undefined;
  }

  function issue(appId: string): Token {
    issued += 1;
    const token = {
      value: `SIM_${randomBytes(48).toString('base64url')}`,
      appId,
      endsAt: clock() + lifetimeSeconds * 1_000,
    };
    valid.set(token.value, token);
    latest.set(appId, token);
    return token;
  }

  function answer({ value, endsAt }: Token): TokenAnswer {
    calls += 1;
    return { access_token: value, expires_in: Math.floor((endsAt - clock()) / 1_000) };
  }

  return {
    stable(request) {
      const refusal = refuse(request);
      if (refusal) return refusal;
      const appId = String(request.appid);
      const token = latest.get(appId);
      if (request.force_refresh === true) {
        const today = (forcedAt.get(appId) ?? []).filter((at) => at > clock() - 86_400_000);
        const lastAt = today.at(-1);
        if (lastAt !== undefined && clock() - lastAt < forcedPauseMs)
          return { errcode: 45011, errmsg: 'api minute-quota reach limit' };
        if (today.length >= forcedADay) return { errcode: 45009, errmsg: 'reach max api daily quota limit' };
        forcedAt.set(appId, [...today, clock()]);
        forced += 1;
        if (token) valid.delete(token.value);
        return answer(issue(appId));
      }
      return answer(token && token.endsAt - clock() > overlapMs ? token : issue(appId));
    },

    classic(request) {
      const refusal = refuse(request);
      if (refusal) return refusal;
      const old = latest.get(String(request.appid));
      if (old) old.endsAt = Math.min(old.endsAt, clock() + overlapMs);
      return answer(issue(String(request.appid)));
    },

    check(value) {
      if (!value) return { ok: false, errcode: 41001, errmsg: 'access_token missing' };
      const token = valid.get(value);
      if (!token)
        return {
          ok: false,
          errcode: 40001,
          errmsg: 'invalid credential, access_token is invalid or not latest',
        };
      if (token.endsAt <= clock()) return { ok: false, errcode: 42001, errmsg: 'access_token expired' };
      return { ok: true, appId: token.appId };
    },

    expire(appId) {
      for (const token of valid.values()) if (token.appId === appId) valid.delete(token.value);
      latest.delete(appId);
    },

    current: (appId) => latest.get(appId)?.value,
    get calls() {
      return calls;
    },
    get issued() {
      return issued;
    },
    get forced() {
      return forced;
    },
  };
}
