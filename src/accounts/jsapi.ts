import { createHash } from 'node:crypto';
import type { AppCredentials, TicketOutcome, WeChatClient } from '../wechat/out/client.js';
import type { AccessTokens } from './access-token.js';
import { type CredentialStore, createCredentialKeeper } from './credential.js';

/** What a page passes to wx.config. */
export interface PageSignature {
  appId: string;
  timestamp: number;
  nonceStr: string;
  signature: string;
}

/** No jsapi_ticket can be had. */
export class TicketError extends Error {
  readonly code = 'JSAPI_TICKET';
  constructor(readonly outcome: Exclude<TicketOutcome, { kind: 'granted' }>) {
    const errcode = outcome.kind === 'refused' ? `${outcome.errcode} ` : '';
    super(`No jsapi_ticket: ${errcode}${outcome.errmsg}`);
    this.name = 'TicketError';
  }

  get isTokenRefused(): boolean {
    return this.outcome.kind === 'refused' && this.outcome.errorClass === 'token';
  }
}

export interface JsapiDependencies {
  store: CredentialStore;
  client: Pick<WeChatClient, 'fetchJsapiTicket'>;
  tokens: AccessTokens;
  clock: () => Date;
  createNonce: () => string;
}

export interface Jsapi {
  /** @throws TicketError, TokenError */
  sign(account: AppCredentials, url: string): Promise<PageSignature>;
}

/** Signs pages for the JS-SDK, with a ticket that is kept as the access token is: one an account for all processes. */
export function createJsapi({ store, client, tokens, clock, createNonce }: JsapiDependencies): Jsapi {
  const tickets = createCredentialKeeper({
    kind: 'jsapi_ticket',
    store,
    clock,
    async fetch(account) {
      const outcome = await client.fetchJsapiTicket(await tokens.get(account));
      if (outcome.kind !== 'granted') throw new TicketError(outcome);
      const { value, expiresInSeconds } = outcome.ticket;
      return { value, expiresAt: new Date(clock().getTime() + expiresInSeconds * 1_000) };
    },
  });

  /** The token is renewed before and after the ticket's lock is held, not meanwhile: no connection waits for another. */
  async function getTicket(account: AppCredentials): Promise<string> {
    const token = await tokens.get(account);
    try {
      return await tickets.get(account);
    } catch (error) {
      if (!(error instanceof TicketError && error.isTokenRefused)) throw error;
      await tokens.replace(account, token);
      return tickets.get(account);
    }
  }

  return {
    async sign(account, url) {
      const ticket = await getTicket(account);
      const timestamp = Math.floor(clock().getTime() / 1_000);
      return { appId: account.appId, ...signPage({ ticket, url, timestamp, nonceStr: createNonce() }) };
    },
  };
}

/** SHA-1 over the fields in this order; of the URL without its fragment. Source: JS-SDK guide, appendix 1. */
export function signPage({
  ticket,
  url,
  timestamp,
  nonceStr,
}: {
  ticket: string;
  url: string;
  timestamp: number;
  nonceStr: string;
}): Omit<PageSignature, 'appId'> {
  const [page] = url.split('#');
  const text = `jsapi_ticket=${ticket}&noncestr=${nonceStr}&timestamp=${timestamp}&url=${page}`;
  return { timestamp, nonceStr, signature: createHash('sha1').update(text).digest('hex') };
}
