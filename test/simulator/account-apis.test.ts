import { expect, test, vi } from 'vitest';
import type { PushResult, Simulator } from '../../src/simulator/index.js';
import {
  account,
  call,
  get,
  send,
  sendPath,
  simulate,
  simulateAcknowledged,
  textTo,
  tokenOf,
} from './support.js';

/** Calls with a token. */
async function apiOf(simulator: Simulator) {
  const token = await tokenOf(simulator);
  const at = (path: string) => `${path}${path.includes('?') ? '&' : '?'}access_token=${token}`;
  return {
    get: (path: string) => get(simulator, at(path)),
    post: (path: string, body: object) => call(simulator, at(path), body),
  };
}

test('of a follower is known when and how they came, and no name', async () => {
  const simulator = await simulateAcknowledged({ clock: () => 1_700_000_000_000 });
  const api = await apiOf(simulator);
  const infoOf = (openid: string) => api.get(`/cgi-bin/user/info?openid=${openid}&lang=zh_CN`);
  expect(await infoOf('oAnna')).toMatchObject({ errcode: 40003 });
  await simulator.user('oAnna').subscribe({ scene: '123' });
  simulator.followers.set('oAnna', { remark: '老客户', tags: [2], unionId: 'uAnna' });
  expect(await infoOf('oAnna')).toEqual({
    ...{ subscribe: 1, openid: 'oAnna', language: '', subscribe_time: 1_700_000_000, unionid: 'uAnna' },
    ...{ remark: '老客户', groupid: 2, tagid_list: [2], subscribe_scene: 'ADD_SCENE_QR_CODE' },
    ...{ qr_scene: 123, qr_scene_str: '' },
  });
  await simulator.user('oAnna').unsubscribe();
  expect(await infoOf('oAnna')).toEqual({ subscribe: 0, openid: 'oAnna' });
});

test('automatic replies are what the owner made in the console', async () => {
  const simulator = await simulate();
  const api = await apiOf(simulator);
  const info = () => api.get('/cgi-bin/get_current_autoreply_info');
  expect(await info()).toEqual({ is_add_friend_reply_open: 0, is_autoreply_open: 0 });
  simulator.autoReplies.set({
    is_autoreply_open: 1,
    message_default_autoreply_info: { type: 'text', content: 'x' },
  });
  expect(await info()).toMatchObject({ message_default_autoreply_info: { content: 'x' } });
});

test('a quota tells what is used of each API, until it is cleared', async () => {
  const simulator = await simulateAcknowledged();
  const api = await apiOf(simulator);
  const quotaOf = async (cgi_path: string) =>
    (await api.post('/cgi-bin/openapi/quota/get', { cgi_path })).quota;
  await simulator.user('oAnna').say('hello');
  await send(simulator, textTo('oAnna', 'hi'));
  simulator.quotas.set({ perDay: 10 });
  expect(await quotaOf(sendPath)).toEqual({ daily_limit: 10, used: 1, remain: 9 });
  await api.get('/cgi-bin/menu/get');
  expect(await quotaOf('/cgi-bin/menu/get')).toMatchObject({ daily_limit: 500_000, used: 1 });
  await api.post('/cgi-bin/clear_quota', { appid: account.appId });
  expect(await quotaOf('/cgi-bin/menu/get')).toMatchObject({ used: 0 });
  expect(await quotaOf(sendPath)).toMatchObject({ used: 0 });
});

test.each([
  ['https://api.weixin.qq.com/cgi-bin/menu/get', 76021],
  ['cgi-bin/menu/get', 76021],
  ['/cgi-bin/menu/get?a=1', 76021],
  ['/sns/userinfo', 76022],
])('a quota of %s is refused', async (cgi_path, errcode) => {
  const api = await apiOf(await simulate());
  expect(await api.post('/cgi-bin/openapi/quota/get', { cgi_path })).toMatchObject({ errcode });
});

test('an agent gets a user and gives them back, and both is pushed', async () => {
  const simulator = await simulateAcknowledged();
  const api = await apiOf(simulator);
  const pushed: string[] = [];
  simulator.onPush(({ body }: PushResult) => {
    pushed.push(/<Event><!\[CDATA\[(\w+)/.exec(body)?.[1] ?? 'message');
  });
  const session = { kf_account: 'anna@shop', openid: 'oUser' };
  const create = (more = {}) => api.post('/customservice/kfsession/create', { ...session, ...more });
  const current = () => api.get('/customservice/kfsession/getsession?openid=oUser');
  await simulator.user('oUser').say('hello');
  expect(await create()).toMatchObject({ errcode: 65400 });
  simulator.agents.set([
    { kfAccount: 'anna@shop' },
    { kfAccount: 'ben@shop' },
    { kfAccount: 'new@shop', isBound: false },
    { kfAccount: 'away@shop', isOnline: false },
  ]);
  expect(await create({ kf_account: 'nobody@shop' })).toMatchObject({ errcode: 65401 });
  expect(await create({ kf_account: 'new@shop' })).toMatchObject({ errcode: 65402 });
  expect(await create({ kf_account: 'away@shop' })).toMatchObject({ errcode: 65415 });
  expect(await create({ openid: 'oNobody' })).toMatchObject({ errcode: 40003 });
  expect(await current()).toMatchObject({ kf_account: '' });
  expect(await create()).toMatchObject({ errcode: 0 });
  expect(await create({ kf_account: 'ben@shop' })).toMatchObject({ errcode: 65414 });
  expect(await current()).toMatchObject({ kf_account: 'anna@shop', createtime: expect.any(Number) });
  expect(simulator.agents.servedBy('oUser')).toBe('anna@shop');
  expect(await api.post('/customservice/kfsession/close', session)).toMatchObject({ errcode: 0 });
  expect(await api.post('/customservice/kfsession/close', session)).toMatchObject({ errcode: 65413 });
  await vi.waitFor(() => expect(pushed).toEqual(['message', 'kf_create_session', 'kf_close_session']));
});
