import { describe, expect, test } from 'vitest';
import { setStage, settled } from '../support/stage.js';

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
