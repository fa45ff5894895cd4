import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { createRouter } from '../../src/index.js';
import {
  startService,
  startWeChat,
  type TestService,
  type TestServiceOptions,
  type TestWeChat,
  type TestWeChatOptions,
} from '../../src/testing/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { scratchDirectory } from '../support/temporary-directory.js';

let database: TestDatabase;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  return () => database.drop();
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(
  options: Omit<TestServiceOptions, 'wechat'> = {},
  wechatOptions: TestWeChatOptions = {},
): Promise<{ wechat: TestWeChat; service: TestService }> {
  const wechat = await startWeChat(wechatOptions);
  stops.push(wechat.stop);
  const service = await startService({ databaseUrl: database.url, ...options, wechat });
  stops.push(service.stop);
  return { wechat, service };
}

const echo = createRouter()
  .subscribe(({ message }) => `welcome ${message.scene ?? ''}`)
  .click('HELP', () => 'help')
  .event('scan', ({ message }) => `scan ${message.scene}`)
  .text(({ message }) => `you said ${message.content}`)
  .otherwise(({ message }) => `a ${message.kind}`);

describe('a user', () => {
  test('does what users do, and sees what the router says', async () => {
    const { wechat } = await start({ replies: echo });
    const user = wechat.user();
    await user.subscribe({ scene: 'fair' });
    expect(await user.say('hello')).toEqual({ acknowledged: true, tries: 1 });
    await user.click('HELP');
    await user.scan('door');
    await user.image({ url: 'https://mmbiz.qpic.cn/1' });
    await user.voice({ recognition: 'good morning' });
    await user.location({ latitude: 31.2, longitude: 121.5, label: 'Shanghai' });
    const replies = await user.waitForReplies(7);
    expect(replies.map(({ text }) => text)).toEqual([
      'welcome fair',
      'you said hello',
      'help',
      'scan door',
      'a image',
      'a voice',
      'a location',
    ]);
    expect(replies[1]).toMatchObject({
      openid: user.openid,
      type: 'text',
      body: { text: { content: 'you said hello' } },
      at: expect.any(Date),
    });
    expect(wechat.replies).toEqual(replies);
  });

  test('who left hears nothing, and another is another', async () => {
    const { wechat, service } = await start({ replies: () => 'hello' });
    const [one, other] = [wechat.user(), wechat.user('oOther')];
    expect(wechat.user('oOther')).toMatchObject({ openid: 'oOther' });
    await one.subscribe();
    await one.waitForReplies(1);
    await one.unsubscribe();
    await other.say('hello');
    await service.waitUntilSettled();
    expect([one.replies.length, other.replies.length]).toEqual([1, 1]);
  });

  test('waits no longer than told, and learns what did arrive', async () => {
    const { wechat } = await start({ replies: () => undefined });
    const user = wechat.user('oPatient');
    await user.say('anybody?');
    await expect(user.waitForReplies(1, { timeoutMs: 50 })).rejects.toThrow(
      'oPatient should have 1 messages; after 50 ms, 0 had arrived',
    );
  });
});

describe('WeChat', () => {
  test.each([{ errcode: -1 }, { httpStatus: 502 }, { reset: 'before' }, { malformed: 'oops' }] as const)(
    'fails as it is told to, %o, and is answered all the same',
    async (failure) => {
      const { wechat, service } = await start({ replies: () => 'here you are' });
      wechat.fail(failure);
      const user = wechat.user();
      await user.say('hello');
      await user.waitForReplies(1);
      await service.waitUntilSettled();
      const sends = wechat.calls.filter(({ path }) => path === '/cgi-bin/message/custom/send');
      expect(sends.map(({ openid }) => openid)).toEqual([user.openid, user.openid]);
      expect(sends[1]?.errcode).toBe(0);
    },
  );

  test('recovers when it is told to', async () => {
    const { wechat } = await start({ replies: () => 'here you are' });
    const user = wechat.user();
    wechat.fail({ errcode: -1 }, { times: Number.POSITIVE_INFINITY, openid: user.openid });
    await user.say('hello');
    await expect.poll(() => wechat.calls.filter(({ errcode }) => errcode === -1).length).toBeGreaterThan(1);
    expect(user.replies).toEqual([]);
    wechat.recover();
    await user.waitForReplies(1);
  });

  test('takes its token back: another is asked for', async () => {
    const { wechat } = await start({ replies: () => 'here you are' });
    const user = wechat.user();
    await user.say('hello');
    await user.waitForReplies(1);
    wechat.expireToken();
    await user.say('hello');
    await user.waitForReplies(2);
    expect(wechat.calls.some(({ errcode }) => errcode === 40001)).toBe(true);
  });

  test('pushes in secure mode and in JSON', async () => {
    const { wechat } = await start(
      { replies: echo, settings: { WECHAT_REQUIRE_ENCRYPTION: 'true' } },
      { mode: 'secure', format: 'json' },
    );
    const user = wechat.user();
    await user.say('psst');
    await expect(user.waitForReplies(1)).resolves.toMatchObject([{ text: 'you said psst' }]);
  });

  test('tells when all that was waited for is there', async () => {
    const { wechat } = await start({ replies: echo });
    await Promise.all(['oA', 'oB'].map((openid) => wechat.user(openid).say('hi')));
    const replies = await wechat.waitFor((all) => new Set(all.map(({ openid }) => openid)).size === 2);
    expect(replies.map(({ text }) => text)).toEqual(['you said hi', 'you said hi']);
  });
});

describe('the service', () => {
  test('answers with what the settings name, and a hook sees it', async () => {
    const file = path.join(scratchDirectory(), 'rules.yaml');
    writeFileSync(file, 'rules:\n  - when: { keyword: 你好 }\n    answer: 您好！\n');
    const { wechat } = await start({ settings: { REPLIES: file } });
    const user = wechat.user();
    await user.say('你好');
    await expect(user.waitForReplies(1)).resolves.toMatchObject([{ text: '您好！' }]);
  });

  test('lets a hook see each reply', async () => {
    const { wechat } = await start({ replies: echo, beforeSend: () => 'changed' });
    const user = wechat.user();
    await user.say('hello');
    await expect(user.waitForReplies(1)).resolves.toMatchObject([{ text: 'changed' }]);
  });

  test('says what is wrong with its settings before anything starts', async () => {
    await expect(start({ replies: echo, settings: { SEND_RATE: '-1' } })).rejects.toThrow('SEND_RATE');
  });

  test('tells how it is at its admin port, and shows nothing of the console', async () => {
    const { service } = await start({ replies: echo });
    expect((await fetch(`${service.adminUrl}/readyz`)).status).toBe(200);
    expect((await fetch(`${service.adminUrl}/console`)).status).toBe(404);
    expect(service.databaseUrl).toBe(database.url);
    expect(service.databaseUrl).toContain(new URL(inject('postgresUrl')).host);
  });

  test('says how many messages are not through when the time is up', async () => {
    const { wechat, service } = await start({ replies: () => 'hello' });
    wechat.fail({ errcode: -1 }, { times: Number.POSITIVE_INFINITY });
    await wechat.user().say('hello');
    await expect(service.waitUntilSettled({ timeoutMs: 100 })).rejects.toThrow('1 messages');
    wechat.recover();
    await service.waitUntilSettled();
  });
});
