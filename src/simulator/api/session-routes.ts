import type { AccountState } from '../state/accounts.js';
import { type ApiRequest, isFilled, isObject } from './request.js';
import { type ApiResponse, done, refuse } from './responses.js';

type Route = (account: AccountState, request: ApiRequest) => ApiResponse;

/** A session of an agent with a user that began or ended: WeChat pushes it. */
export interface SessionChange {
  kind: 'created' | 'closed';
  appId: string;
  openid: string;
  kfAccount: string;
}

/** The calls about sessions of WeChat's own customer service, for a token that has been checked. */
export function createSessionRoutes(
  onChange: (change: SessionChange) => void,
): Readonly<Record<'create' | 'close' | 'get', Route>> {
  return {
    create(account, { body: { json } }) {
      const asked = read(account, json);
      if ('errcode' in asked) return refuse(asked.errcode);
      const opened = account.agents.open(asked.openid, asked.kfAccount);
      if ('errcode' in opened) return refuse(opened.errcode);
      if (opened.began) onChange({ kind: 'created', appId: account.account.appId, ...asked });
      return { json: done };
    },

    close(account, { body: { json } }) {
      const asked = read(account, json);
      if ('errcode' in asked) return refuse(asked.errcode);
      const errcode = account.agents.close(asked.openid, asked.kfAccount);
      if (errcode !== undefined) return refuse(errcode);
      onChange({ kind: 'closed', appId: account.account.appId, ...asked });
      return { json: done };
    },

    get({ agents, followers }, { query }) {
      const openid = query.get('openid') ?? '';
      if (!agents.all) return refuse(65400);
      if (!followers.find(openid)) return refuse(40003);
      const { createTime = 0, kfAccount = '' } = agents.sessionOf(openid) ?? {};
      return { json: { createtime: createTime, kf_account: kfAccount } };
    },
  };
}

function read(
  { followers, unsubscribed }: AccountState,
  json: unknown,
): { openid: string; kfAccount: string } | { errcode: number } {
  if (!isObject(json)) return { errcode: 47001 };
  const { openid, kf_account: kfAccount } = json;
  if (!isFilled(openid) || !followers.find(openid) || unsubscribed.has(openid)) return { errcode: 40003 };
  return isFilled(kfAccount) ? { openid, kfAccount } : { errcode: 65401 };
}
