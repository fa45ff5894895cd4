// node --test replies.test.mjs
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { startPostgres, startService, startWeChat } from 'wechat-outbox/testing';
import { createReplies } from './replies.mjs';

const stock = new Map([
  ['活着', 3],
  ['围城', 0],
]);
const replies = createReplies({ stockOf: async (title) => stock.get(title) ?? 0 });

let postgres;
let wechat;
let service;
let user;

before(async () => {
  // A database of yours instead: DATABASE_URL.
  if (!process.env.DATABASE_URL) postgres = await startPostgres();
  wechat = await startWeChat();
  service = await startService({
    wechat,
    replies,
    databaseUrl: process.env.DATABASE_URL ?? postgres.url,
  });
});

after(async () => {
  await service?.stop();
  await wechat?.stop();
  await postgres?.stop();
});

beforeEach(() => {
  wechat.recover();
  user = wechat.user();
});

const texts = (all) => all.map(({ text }) => text);

test('a new follower is greeted', async () => {
  await user.subscribe({ scene: '书展' });
  assert.deepEqual(texts(await user.waitForReplies(1)), ['欢迎来自书展的朋友！']);
});

test('the menu tells the hours', async () => {
  await user.click('HOURS');
  assert.deepEqual(texts(await user.waitForReplies(1)), ['周一至周五 9:00–18:00']);
});

test('who asks for a book learns how many are left, in two messages in order', async () => {
  await user.say('还有《活着》吗？');
  assert.deepEqual(texts(await user.waitForReplies(2)), ['《活着》还有 3 本。', '要为您留一本吗？']);
});

test('nothing is said to anything else', async () => {
  await user.say('哈哈');
  await service.waitUntilSettled();
  assert.deepEqual(user.replies, []);
});

test('the answer arrives although WeChat is in trouble, and once', async () => {
  const { openid } = user;
  wechat.fail({ errcode: -1 }, { openid });
  wechat.fail({ httpStatus: 502 }, { openid, times: 2 });
  await user.say('还有《围城》吗？');
  await service.waitUntilSettled();
  assert.deepEqual(texts(user.replies), ['《围城》卖完了。']);
  assert.equal(wechat.calls.filter((call) => call.openid === openid).length, 4);
});
