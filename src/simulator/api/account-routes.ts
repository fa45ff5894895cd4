import type { AccountState } from '../state/accounts.js';
import { sendPath } from './faults.js';
import { type ApiRequest, isFilled, isObject } from './request.js';
import { type ApiResponse, done, refuse } from './responses.js';

type Route = (account: AccountState, request: ApiRequest) => ApiResponse;

/** Of each API a day, where nothing else is set. */
const defaultDailyLimit = 500_000;

/** Calls about the account and its users, for a token that has been checked. */
export const accountRoutes: Readonly<Record<'user' | 'autoReplies' | 'quota' | 'clearQuota', Route>> = {
  /** Without names and pictures: there are none since 2021. */
  user({ followers, unsubscribed }, { query }) {
    const openid = query.get('openid') ?? '';
    const follower = followers.find(openid);
    if (!follower) return refuse(40003);
    if (unsubscribed.has(openid)) return { json: { subscribe: 0, openid } };
    const { subscribeTime, subscribeScene, qrScene, remark, tags, unionId } = follower;
    const isNumber = /^\d{1,10}$/.test(qrScene);
    return {
      json: {
        subscribe: 1,
        openid,
        language: '',
        subscribe_time: subscribeTime,
        ...(unionId === undefined ? {} : { unionid: unionId }),
        remark,
        groupid: tags.at(-1) ?? 0,
        tagid_list: tags,
        subscribe_scene: subscribeScene,
        qr_scene: isNumber ? Number(qrScene) : 0,
        qr_scene_str: isNumber ? '' : qrScene,
      },
    };
  },

  autoReplies: ({ autoReplies }) => ({
    json: autoReplies ?? { is_add_friend_reply_open: 0, is_autoreply_open: 0 },
  }),

  quota({ quota, apiUse }, { body: { json } }) {
    const path = isObject(json) ? json.cgi_path : undefined;
    if (!isFilled(path) || !/^(\/[\w.-]+)+$/.test(path)) return refuse(76021);
    if (path.startsWith('/sns/')) return refuse(76022);
    const limit = (path === sendPath ? quota.dailyLimit : undefined) ?? defaultDailyLimit;
    const used = Math.min(limit, path === sendPath ? quota.usedToday : apiUse.today(path));
    return { json: { ...done, quota: { daily_limit: limit, used, remain: limit - used } } };
  },

  clearQuota({ account, quota, apiUse }, { body: { json } }) {
    if (!isObject(json) || json.appid !== account.appId) return refuse(40013);
    const errcode = quota.clear();
    if (errcode !== undefined) return refuse(errcode);
    apiUse.clear();
    return { json: done };
  },
};
