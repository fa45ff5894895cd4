import { createHash } from 'node:crypto';
import { text as readText } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { Notice, PushResult } from '../../src/simulator/index.js';
import { account, simulate, simulateAcknowledged, startWebhook } from './support.js';

test('a push is signed, names the sender, and carries XML as WeChat writes it', async () => {
  const seen: { url: URL; type: string | undefined; body: string }[] = [];
  const webhookUrl = await startWebhook(async (incoming, response) => {
    const url = new URL(incoming.url ?? '', 'http://x');
    seen.push({ url, type: incoming.headers['content-type'], body: await readText(incoming) });
    response.end('success');
  });
  const clock = () => 1_348_831_860_123;
  const simulator = await simulate({ webhookUrl, clock, account: { ...account, originalId: 'gh_1' } });
  const result = await simulator.user('o1').say('a ]]> b & <c> 你好');
  const [push] = seen;
  const query = Object.fromEntries(push?.url.searchParams ?? []);
  const { signature, timestamp, nonce } = query;
  expect(query).toMatchObject({ timestamp: '1348831860', openid: 'o1' });
  const joined = ['token', timestamp, nonce].sort().join('');
  expect(signature).toBe(createHash('sha1').update(joined).digest('hex'));
  expect(push?.type).toBe('text/xml');
  expect(push?.body).toBe(
    '<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>' +
      '<CreateTime>1348831860</CreateTime><MsgType><![CDATA[text]]></MsgType>' +
      `<Content><![CDATA[a ]]> b & <c> 你好]]></Content><MsgId>${result.msgId}</MsgId></xml>`,
  );
  expect(result).toMatchObject({ openid: 'o1', createTime: 1_348_831_860, body: push?.body });
});

test('message ids grow, and no double holds them; events have none', async () => {
  const simulator = await simulateAcknowledged({ clock: () => 0 });
  const user = simulator.user('o1');
  const messages = [await user.say('a'), await user.image(), await simulator.user('o2').say('b')];
  const ids = messages.map(({ msgId }) => BigInt(msgId ?? 0));
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => (a < b ? -1 : 1)));
  for (const id of ids) expect(id > 2n ** 53n && id < 2n ** 63n).toBe(true);
  const event = await user.click('MENU');
  expect(event).not.toHaveProperty('msgId');
  expect(event.body).not.toContain('MsgId');
});

test('events may hold nested and repeated elements, and bare numbers', async () => {
  const { user } = await simulateAcknowledged();
  const { body } = await user('o1').event({
    Event: 'pic_weixin',
    SendPicsInfo: { Count: 2, PicList: { item: [{ PicMd5Sum: 'a' }, { PicMd5Sum: 'b' }] } },
  });
  expect(body).toContain(
    '<SendPicsInfo><Count>2</Count><PicList><item><PicMd5Sum><![CDATA[a]]></PicMd5Sum></item>' +
      '<item><PicMd5Sum><![CDATA[b]]></PicMd5Sum></item></PicList></SendPicsInfo>',
  );
  const place = await user('o1').location({ latitude: 31.2, longitude: 121.5, label: '上海' });
  expect(place.body).toContain('<Location_X>31.2</Location_X><Location_Y>121.5</Location_Y>');
});

test('a push that fails at first is acknowledged by a later try, and nobody is told', async () => {
  const answers = [503, 500, 200];
  const webhookUrl = await startWebhook((_incoming, response) => {
    response.writeHead(answers.shift() ?? 404).end();
  });
  const { user } = await simulate({ webhookUrl });
  const result = await user('o1').say('hi');
  expect(result).toMatchObject({
    outcome: 'acknowledged',
    tries: [{ status: 503 }, { status: 500 }, { status: 200 }],
  });
  expect(user('o1').notices).toBe(0);
});

test('a push to a webhook that is down ends in the notice, and listeners hear of both', async () => {
  const simulator = await simulate({ webhookUrl: 'http://127.0.0.1:9/nobody' });
  const pushes: PushResult[] = [];
  const notices: Notice[] = [];
  const stopPushes = simulator.onPush((push) => pushes.push(push));
  const stopNotices = simulator.onNotice((notice) => notices.push(notice));
  const result = await simulator.user('o1').say('hi');
  expect(result.tries).toHaveLength(3);
  expect(pushes).toEqual([result]);
  expect(notices).toMatchObject([
    { openid: 'o1', text: '该公众号暂时无法提供服务，请稍后再试', push: result },
  ]);
  stopPushes();
  stopNotices();
  await simulator.user('o1').resend(result);
  expect([pushes.length, notices.length, simulator.user('o1').notices]).toEqual([1, 1, 2]);
});

test('a push sent again has the same body under a new signature', async () => {
  const seen: { signature: string | null; body: string }[] = [];
  const webhookUrl = await startWebhook(async (incoming, response) => {
    const { searchParams } = new URL(incoming.url ?? '', 'http://x');
    seen.push({ signature: searchParams.get('signature'), body: await readText(incoming) });
    response.end();
  });
  const { user } = await simulate({ webhookUrl });
  const first = await user('o1').say('hi');
  expect(await user('o1').resend(first)).toMatchObject({ body: first.body, msgId: first.msgId });
  expect(seen[1]?.body).toBe(seen[0]?.body);
  expect(seen[1]?.signature).not.toBe(seen[0]?.signature);
});

test.each([
  ['an XML reply', '<xml><A>1</A></xml>', { outcome: 'acknowledged', replyXml: '<xml><A>1</A></xml>' }],
  ['success in another case', 'SUCCESS', { outcome: 'notice' }],
  ['an XML reply cut short', '<xml><A>', { outcome: 'notice' }],
  ['an HTML page', '<html></html>', { outcome: 'notice' }],
])('%s is taken as WeChat takes it', async (_name, answer, expected) => {
  const { user } = await simulate({
    webhookUrl: await startWebhook((_incoming, response) => response.end(answer)),
  });
  expect(await user('o1').say('hi')).toMatchObject(expected);
});

test('the server check is passed by the echo and by nothing else', async () => {
  const echo = await startWebhook((incoming, response) =>
    response.end(new URL(incoming.url ?? '', 'http://x').searchParams.get('echostr')),
  );
  const simulator = await simulate({ webhookUrl: echo });
  expect(await simulator.checkServer()).toMatchObject({ status: 200, ok: true });
  simulator.setWebhookUrl(await startWebhook((_incoming, response) => response.end('hello')));
  expect(await simulator.checkServer()).toEqual({ status: 200, body: 'hello', ok: false });
});

test('without a webhook URL a push is a mistake, not a notice', async () => {
  const { user } = await simulate();
  await expect(user('o1').say('hi')).rejects.toThrow('setWebhookUrl');
  expect(user('o1').notices).toBe(0);
});
