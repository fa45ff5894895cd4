import { describe, expect, test } from 'vitest';
import { runCommand } from './support/processes.js';
import { testSettings } from './support/service.js';
import { setStage, settled } from './support/stage.js';

describe('a user of the account', () => {
  test('who subscribes gets the welcome card as three messages, in order', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    const result = await simulator.user('oNew').subscribe();
    expect(result).toMatchObject({ outcome: 'acknowledged', tries: [{ status: 200, body: '' }] });
    const inbox = await simulator.waitForDelivered('oNew', 3);
    expect(inbox.map(({ msgtype }) => msgtype)).toEqual(['news', 'news', 'news']);
    expect(inbox.map(({ text }) => text)).toEqual([
      expect.stringContaining('欢迎关注'),
      expect.stringContaining('安卓版'),
      expect.stringContaining('苹果版'),
    ]);
    await settled(database, 1);
    expect(
      await database.rows(
        'select position, status, attempts, errcode from wechat.delivery order by position',
      ),
    ).toEqual([1, 2, 3].map((position) => ({ position, status: 'sent', attempts: 1, errcode: 0 })));
    expect(
      await database.rows('select attempt, outcome, http_status, errcode from wechat.delivery_attempt'),
    ).toEqual(Array(3).fill({ attempt: 1, outcome: 'sent', http_status: 200, errcode: 0 }));
  });

  test('gets the card for tw, the welcome text for anything else, and nothing for a picture', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    const user = simulator.user('oUser');
    await user.say('tw');
    await simulator.waitForDelivered('oUser', 3);
    await user.say('hello');
    const inbox = await simulator.waitForDelivered('oUser', 4);
    expect(inbox[3]?.text).toMatch(/欢迎关注[\s\S]*Android \(https:.*iOS \(https:/);
    await user.message('image', { PicUrl: 'https://example.com/p.jpg', MediaId: 'm' });
    await user.message('hologram', { Beam: 7 });
    await settled(database, 4);
    expect(simulator.inboxOf('oUser')).toHaveLength(4);
    expect(
      await database.rows('select msg_type, content, status from wechat.inbound_message order by id'),
    ).toEqual([
      { msg_type: 'text', content: 'tw', status: 'settled' },
      { msg_type: 'text', content: 'hello', status: 'settled' },
      { msg_type: 'image', content: null, status: 'settled' },
      { msg_type: 'hologram', content: null, status: 'settled' },
    ]);
  });

  test('finds Chinese, emoji and markup unharmed at the other end', async () => {
    const { simulator, start } = await setStage();
    await start({
      replies: ({ message }) => (message.kind === 'text' ? `echo ${message.content}` : undefined),
    });
    const text = '你好，世界 😀 ]]> <b>&amp;</b> "quotes" \\u4f60 \\ end';
    await simulator.user('oUser').say(text);
    const [message] = await simulator.waitForDelivered('oUser', 1);
    expect(message?.body).toEqual({ text: { content: `echo ${text}` } });
  });

  test('gets a long answer in parts that the API takes', async () => {
    const { simulator, start } = await setStage();
    const line = '这一行有二十四个字节。\n';
    await start({ replies: () => line.repeat(150) });
    await simulator.user('oUser').say('go');
    const inbox = await simulator.waitForDelivered('oUser', 3);
    expect(inbox.map(({ text }) => text.trim()).join('\n')).toBe(line.repeat(150).trim());
  });
});

describe('copies of one push', () => {
  test('fifty at once over two ingress processes are stored and answered once', async () => {
    const { account, simulator, database, start } = await setStage();
    await start({ role: 'worker' });
    const settings = {
      ...testSettings({ account, simulator, databaseUrl: database.url }),
      LOG_LEVEL: 'info',
    };
    const ingresses = await Promise.all(
      [1, 2].map(async () => {
        const { webhook_port } = await runCommand(['start', '--role', 'ingress'], settings).event('started');
        return `http://127.0.0.1:${webhook_port}/wechat`;
      }),
    );
    const user = simulator.user('oUser');
    for (const push of [() => user.say('hello'), () => user.subscribe()]) {
      simulator.setWebhookUrl(String(ingresses[0]));
      const first = push();
      const original = await first;
      const copies = Array.from({ length: 50 }, (_, index) => {
        simulator.setWebhookUrl(String(ingresses[index % 2]));
        return user.resend(original);
      });
      for (const copy of await Promise.all(copies))
        expect(copy.tries).toMatchObject([{ status: 200, body: '' }]);
    }
    await simulator.waitForDelivered('oUser', 4);
    await settled(database, 2);
    expect(simulator.inboxOf('oUser')).toHaveLength(4);
  });

  test('that race each other from the start are stored once, whichever group they fall into', async () => {
    const { simulator, database, start } = await setStage();
    const services = await Promise.all([start({ role: 'ingress' }), start({ role: 'ingress' })]);
    const user = simulator.user('oUser');
    // Nothing is stored yet: all fifty may be the first.
    simulator.setWebhookUrl('http://127.0.0.1:9/nobody');
    const unheard = await user.say('hello');
    expect(unheard.outcome).toBe('notice');
    const copies = Array.from({ length: 50 }, (_, index) => {
      simulator.setWebhookUrl(services[index % 2]?.webhookUrl ?? '');
      return user.resend(unheard);
    });
    for (const { outcome } of await Promise.all(copies)) expect(outcome).toBe('acknowledged');
    expect(await database.rows('select content from wechat.inbound_message')).toEqual([{ content: 'hello' }]);
    expect(await database.rows('select count(*)::int as jobs from graphile_worker.jobs')).toEqual([
      { jobs: 1 },
    ]);
  });
});

test('two different events of a user in the same second are both kept', async () => {
  const now = Date.now();
  const { simulator, database, start } = await setStage({ clock: () => now });
  await start({ role: 'ingress' });
  const user = simulator.user('oUser');
  await Promise.all([
    user.subscribe(),
    user.event('LOCATION', { Latitude: 31, Longitude: 121 }),
    user.click('A'),
    user.click('B'),
  ]);
  expect(
    await database.rows('select event, event_key from wechat.inbound_message order by event, event_key'),
  ).toEqual([
    { event: 'click', event_key: 'A' },
    { event: 'click', event_key: 'B' },
    { event: 'location', event_key: null },
    { event: 'subscribe', event_key: null },
  ]);
});

test('each message records its reply window', async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  const user = simulator.user('oUser');
  await user.say('hi');
  await user.click('A');
  await user.event('VIEW', { EventKey: 'https://example.com' });
  expect(
    await database.rows(
      'select window_quota as quota, extract(epoch from window_ends_at - created_at)::int as seconds from wechat.inbound_message order by id',
    ),
  ).toEqual([
    { quota: 5, seconds: 48 * 3_600 },
    { quota: 3, seconds: 60 },
    { quota: null, seconds: null },
  ]);
});
