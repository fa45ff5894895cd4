import { request } from 'undici';
import { expect, test, vi } from 'vitest';
import type { PushResult } from '../../src/simulator/index.js';
import type { Content } from '../../src/simulator/phone/contract.js';
import { phoneOf, png } from './phone-support.js';
import {
  account,
  call,
  get,
  otherAccount,
  send,
  sendPath,
  simulate,
  simulateAcknowledged,
  startWebhook,
  textTo,
  tokenOf,
} from './support.js';

const phone = { accountNames: { [account.appId]: '晨光书店' } };

test('without being asked for, there is no phone', async () => {
  const simulator = await simulateAcknowledged();
  expect(simulator.phoneUrl).toBeUndefined();
  expect(await get(simulator, '/phone/')).toMatchObject({ errcode: 40066 });
});

test('a user of the phone follows, writes, taps the menu, scans and leaves: each is a push', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const pushed: PushResult[] = [];
  simulator.onPush((result) => pushed.push(result));
  const client = phoneOf(simulator);
  expect(await client.state()).toMatchObject({
    accounts: [{ appId: account.appId, name: '晨光书店', menu: [{ name: '新书' }, {}, {}] }],
    users: [{ name: '我', isFollowing: false, allowance: { open: [], usedUpUntil: null } }],
  });
  const actions = [
    { kind: 'follow', scene: '' },
    { kind: 'say', text: '你好 <b>' },
    { kind: 'tap', id: '101', text: '满意' },
    { kind: 'click', key: 'new_books' },
    { kind: 'scan', scene: 'poster' },
    { kind: 'scan code', key: 'SCAN', result: '978', wait: true },
    { kind: 'voice', words: '有什么书' },
    { kind: 'view', url: 'https://a.example/' },
    { kind: 'location', latitude: 31.2, longitude: 121.4, label: '书城', key: 'NEARBY' },
  ] as const;
  for (const action of actions) expect(await client.act(action)).toBe(202);
  await vi.waitFor(() => expect(pushed).toHaveLength(actions.length + 1));
  expect(await client.contents()).toEqual([
    { kind: 'event', name: 'subscribe', detail: '' },
    { kind: 'text', parts: [{ kind: 'plain', text: '你好 <b>' }] },
    { kind: 'text', parts: [{ kind: 'plain', text: '满意' }] },
    { kind: 'event', name: 'click', detail: 'new_books' },
    { kind: 'event', name: 'scan', detail: 'poster' },
    { kind: 'event', name: 'scancode_waitmsg', detail: '978' },
    { kind: 'voice', path: null, words: '有什么书' },
    { kind: 'event', name: 'view', detail: 'https://a.example/' },
    { kind: 'event', name: 'location_select', detail: 'NEARBY' },
    { kind: 'location', latitude: '31.2', longitude: '121.4', label: '书城' },
  ]);
  expect(pushed.map(({ body }) => body).join()).toContain('<bizmsgmenuid><![CDATA[101]]></bizmsgmenuid>');
  expect((await client.me()).isFollowing).toBe(true);
  await client.act({ kind: 'unfollow' });
  expect((await client.me()).isFollowing).toBe(false);
});

test('who scans without following follows by it', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  await client.act({ kind: 'scan', scene: 'poster' });
  await vi.waitFor(async () => expect((await client.me()).isFollowing).toBe(true));
  expect(await client.contents()).toEqual([{ kind: 'event', name: 'subscribe', detail: 'poster' }]);
});

test('several users, each with a chat of their own, in each account', async () => {
  const simulator = await simulateAcknowledged({ phone, moreAccounts: [otherAccount] });
  const client = phoneOf(simulator);
  const made = await client.post('api/users', { appId: otherAccount.appId, name: ' 小美 ' });
  expect(made).toMatchObject({ status: 202, json: { name: '小美', appId: otherAccount.appId } });
  expect((await client.post('api/users', { appId: 'wx9', name: '小美' })).status).toBe(404);
  const stranger = { appId: account.appId, openid: 'oNobody', action: { kind: 'say', text: 'hi' } };
  expect((await client.post('api/actions', stranger)).status).toBe(404);
  const { users } = await client.state();
  expect(users.map(({ appId, name }) => `${appId} ${name}`)).toEqual(['wx1 我', 'wx2 我', 'wx2 小美']);
});

test('what others do, who were not made at the phone, is seen as well', async () => {
  const simulator = await simulateAcknowledged({
    phone: { userNameOf: (openid) => (openid === 'oOther' ? '小明' : undefined) },
  });
  await simulator.user('oOther').say('在吗');
  expect(await send(simulator, textTo('oOther', '在'))).toBe(0);
  const { users, chats } = await phoneOf(simulator).state();
  expect(users.at(-1)).toMatchObject({ openid: 'oOther', name: '小明', isFollowing: true });
  expect(chats.at(-1)?.entries.map(({ from }) => from)).toEqual(['user', 'account']);
});

const plain = (text: string) => ({ kind: 'plain', text });

test.each<[string, object, Content | object]>([
  ['text', { content: 'a\n<b>&amp;' }, { kind: 'text', parts: [plain('a\n<b>&amp;')] }],
  ['voice', { media_id: 'permanent' }, { kind: 'voice', path: null, words: '' }],
  ['image', { media_id: 'permanent' }, { kind: 'image', path: null }],
  [
    'video',
    { media_id: 'm', title: 'T', description: 'D' },
    { kind: 'video', path: null, title: 'T', description: 'D' },
  ],
  [
    'music',
    { title: 'T', description: 'D', musicurl: 'javascript:alert(1)', hqmusicurl: '', thumb_media_id: 'm' },
    { kind: 'music', title: 'T', description: 'D', link: null },
  ],
  [
    'news',
    { articles: [{ title: 'T', description: 'D', url: 'data:text/html,x', picurl: 'https://p.example/1' }] },
    { kind: 'article', title: 'T', description: 'D', link: null, picture: 'https://p.example/1' },
  ],
  [
    'miniprogrampage',
    { title: 'T', appid: 'wxm', pagepath: 'pages/a', thumb_media_id: 'm' },
    { kind: 'miniprogram', title: 'T', page: 'pages/a' },
  ],
  [
    'msgmenu',
    { head_content: '满意吗', list: [{ id: '1', content: '满意' }], tail_content: '谢谢' },
    { kind: 'menu', head: [plain('满意吗')], entries: [{ id: '1', text: '满意' }], tail: [plain('谢谢')] },
  ],
  ['wxcard', { card_id: 'c' }, { kind: 'other', text: '[卡券] c' }],
])('an answer of type %s is seen as what it is', async (msgtype, part, content) => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const { openid } = await client.me();
  await simulator.user(openid).say('hi');
  expect(await send(simulator, { touser: openid, msgtype, [msgtype]: part })).toBe(0);
  expect((await client.contents()).at(-1)).toEqual(content);
});

test('what a model wrote bears WeChat’s mark of it, and nothing else does', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const { openid } = await client.me();
  await simulator.user(openid).say('你好');
  await send(simulator, { ...textTo(openid, '一'), aimsgcontext: { is_ai_msg: 1 } });
  await send(simulator, { ...textTo(openid, '二'), aimsgcontext: { is_ai_msg: 0 } });
  const { chats } = await client.state();
  const marks = chats.flatMap(({ entries }) => entries.map(({ isByAi }) => isByAi));
  expect(marks).toEqual([false, true, false]);
});

test('a text has links of http and https only, taps of a menu, and no other markup', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const { openid } = await client.me();
  await simulator.user(openid).say('hi');
  const content = [
    '<a href="https://a.example/?a=1&amp;b=2">one</a>',
    '<a href="javascript:alert(1)">two</a>',
    '<a href=" data:text/html,x">three</a>',
    '<a href="weixin://bizmsgmenu?msgmenucontent=%E6%BB%A1%E6%84%8F&msgmenuid=7">four</a>',
    '<img src=x onerror=alert(1)>详见https://b.example/x。',
    '<a data-miniprogram-appid="wxm" data-miniprogram-path="pages/b" href="https://c.example">five</a>',
  ].join('|');
  expect(await send(simulator, textTo(openid, content))).toBe(0);
  expect((await client.contents()).at(-1)).toEqual({
    kind: 'text',
    parts: [
      { kind: 'link', text: 'one', href: 'https://a.example/?a=1&b=2' },
      plain('|'),
      plain('two'),
      plain('|'),
      plain('three'),
      plain('|'),
      { kind: 'tap', text: '满意', id: '7' },
      plain('|<img src=x onerror=alert(1)>详见'),
      { kind: 'link', text: 'https://b.example/x', href: 'https://b.example/x' },
      plain('。|'),
      { kind: 'miniprogram', text: 'five', page: 'pages/b' },
    ],
  });
});

test('a picture of a user can be seen, and the account can download it', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const pushed: PushResult[] = [];
  simulator.onPush((result) => pushed.push(result));
  const client = phoneOf(simulator);
  expect(await client.upload(png, 'PICTURE')).toBe(202);
  await vi.waitFor(() => expect(pushed).toHaveLength(2));
  expect(pushed[0]?.body).toContain('pic_photo_or_album');
  const [, mediaId = ''] = /<MediaId><!\[CDATA\[([^\]]+)/.exec(pushed[1]?.body ?? '') ?? [];
  const [, picUrl = ''] = /<PicUrl><!\[CDATA\[([^\]]+)/.exec(pushed[1]?.body ?? '') ?? [];
  const seen = (await client.contents()).at(-1);
  expect(seen).toEqual({ kind: 'image', path: `api/media?id=${mediaId}` });
  const bytesOf = async (url: string) => Buffer.from(await (await request(url)).body.arrayBuffer());
  expect(await bytesOf(picUrl)).toEqual(png);
  expect(await bytesOf(`${simulator.phoneUrl}api/media?id=${mediaId}`)).toEqual(png);
  const download = `/cgi-bin/media/get?access_token=${await tokenOf(simulator)}&media_id=${mediaId}`;
  expect(await bytesOf(simulator.apiBase + download)).toEqual(png);
});

test('what is no picture, or too large a one, is refused', async () => {
  const client = phoneOf(await simulateAcknowledged({ phone }));
  expect(await client.upload(Buffer.from('<svg onload="alert(1)"/>'))).toBe(400);
  expect(await client.upload(Buffer.concat([png, Buffer.alloc(10 * 1_024 * 1_024)]))).toBe(400);
  expect(await client.upload(Buffer.concat([png, Buffer.alloc(12 * 1_024 * 1_024)]))).toBe(413);
});

test('the account shows as typing, until it writes', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const { openid } = await client.me();
  await simulator.user(openid).say('hi');
  const path = `/cgi-bin/message/custom/typing?access_token=${await tokenOf(simulator)}`;
  expect(await call(simulator, path, { touser: openid, command: 'Typing' })).toMatchObject({ errcode: 0 });
  expect((await client.chat()).typingUntil).toBeGreaterThan(Date.now());
  await send(simulator, textTo(openid, 'hello'));
  expect((await client.chat()).typingUntil).toBe(0);
});

test('the allowance is what WeChat would let through', async () => {
  const simulator = await simulateAcknowledged({ phone });
  const client = phoneOf(simulator);
  const { openid } = await client.me();
  await client.act({ kind: 'say', text: 'hi' });
  const lefts = async () =>
    (await client.me()).allowance.open.map(({ left, quota }) => `${left} of ${quota}`);
  await vi.waitFor(async () => expect(await lefts()).toEqual(['5 of 5']));
  await send(simulator, textTo(openid, '1'));
  expect(await lefts()).toEqual(['4 of 5']);
  for (const text of ['2', '3', '4', '5']) expect(await send(simulator, textTo(openid, text))).toBe(0);
  expect(await send(simulator, textTo(openid, '6'))).toBe(45047);
  const { allowance } = await client.me();
  expect(allowance.open).toEqual([]);
  expect(allowance.usedUpUntil).toBeGreaterThan(Date.now());
});

test('a webhook that fails three times: the user is told that the account is out of service', async () => {
  const webhookUrl = await startWebhook((_request, response) => response.writeHead(503).end());
  const client = phoneOf(await simulate({ phone, webhookUrl }));
  await client.act({ kind: 'say', text: 'hi' });
  await vi.waitFor(async () => expect((await client.contents()).at(-1)).toEqual({ kind: 'out of service' }));
  const { pushes } = await client.state();
  const failed = { status: 503, error: null };
  expect(pushes).toMatchObject([{ what: 'text', state: 'failed', tries: [failed, failed, failed] }]);
});

test('a passive reply is seen', async () => {
  const xml = '<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[at once]]></Content></xml>';
  const webhookUrl = await startWebhook((_request, response) => response.end(xml));
  const client = phoneOf(await simulate({ phone, webhookUrl }));
  await client.act({ kind: 'say', text: 'hi' });
  const seen = { kind: 'text', parts: [plain('at once')] };
  await vi.waitFor(async () => expect((await client.contents()).at(-1)).toEqual(seen));
});

test('calls of the API are seen as they go, without the secret', async () => {
  const simulator = await simulateAcknowledged({ phone });
  await send(simulator, textTo('oNobody', 'hello'));
  const { calls } = await phoneOf(simulator).state();
  expect(calls).toMatchObject([
    { path: '/cgi-bin/stable_token', httpStatus: 200, errcode: 0 },
    { path: sendPath, openid: 'oNobody', httpStatus: 200, errcode: 45015, ms: expect.any(Number) },
  ]);
  expect(calls[0]?.body).toContain('"secret":"***"');
});
