import { describe, expect, test } from 'vitest';
import { call, send, simulate, startWebhook, textTo, tokenOf, tokenRequest } from './support.js';

describe("the simulator's API", () => {
  test('takes a message to a user who wrote, and shows it to them', async () => {
    const simulator = await simulate({
      webhookUrl: await startWebhook((_request, response) => response.end()),
    });
    await simulator.user('o1').say('hi');
    expect(await send(simulator, textTo('o1', '你好'))).toBe(0);
    expect(simulator.inboxOf('o1').map(({ text }) => text)).toEqual(['你好']);
  });

  test.each([
    ['no JSON', 'nonsense', 47001],
    ['Chinese in escapes', String.raw`{"touser":"o1","msgtype":"text","text":{"content":"\u4f60"}}`, 40033],
    ['nobody to go to', { msgtype: 'text', text: { content: 'x' } }, 40003],
    ['an unknown type', { touser: 'o1', msgtype: 'hologram' }, 40008],
    ['an empty text', textTo('o1', ''), 44004],
    ['a text of 2,049 bytes', textTo('o1', `${'中'.repeat(682)}abc`), 45002],
    ['several articles', { touser: 'o1', msgtype: 'news', news: { articles: [{}, {}] } }, 45008],
    ['no article', { touser: 'o1', msgtype: 'news', news: { articles: [] } }, 44003],
    ['an image without media', { touser: 'o1', msgtype: 'image', image: {} }, 40007],
  ])('refuses %s', async (_name, body, errcode) => {
    expect(await send(await simulate(), body)).toBe(errcode);
  });

  test('takes a backslash before a u that is no escape', async () => {
    const simulator = await simulate();
    expect(await send(simulator, textTo('o1', '\\u4f60'))).toBe(45015);
  });

  test('refuses tokens that are missing, unknown or expired', async () => {
    let now = Date.now();
    const simulator = await simulate({ clock: () => now });
    const path = '/cgi-bin/message/custom/send';
    expect(await call(simulator, path, textTo('o1', 'x'))).toMatchObject({ errcode: 41001 });
    expect(await call(simulator, `${path}?access_token=stolen`, textTo('o1', 'x'))).toMatchObject({
      errcode: 40001,
    });
    const token = await tokenOf(simulator);
    now += 7_200_000;
    expect(await call(simulator, `${path}?access_token=${token}`, textTo('o1', 'x'))).toMatchObject({
      errcode: 42001,
    });
  });

  test('keeps the stable token until its last five minutes, and limits force', async () => {
    let now = Date.now();
    const simulator = await simulate({ clock: () => now });
    const first = await tokenOf(simulator);
    expect(await tokenOf(simulator)).toBe(first);
    now += (7_200 - 299) * 1_000;
    expect(await tokenOf(simulator)).not.toBe(first);
    const force = { ...tokenRequest, force_refresh: true };
    expect(await call(simulator, '/cgi-bin/stable_token', force)).toHaveProperty('access_token');
    expect(await call(simulator, '/cgi-bin/stable_token', force)).toMatchObject({ errcode: 45011 });
    expect(await call(simulator, '/cgi-bin/stable_token', { ...tokenRequest, secret: 'x' })).toMatchObject({
      errcode: 40125,
    });
  });

  test('counts a message against the window that ends first, and knows closed from used up', async () => {
    let now = Date.now();
    const webhookUrl = await startWebhook((_request, response) => response.end());
    const simulator = await simulate({ clock: () => now, webhookUrl });
    const user = simulator.user('o1');
    expect(await send(simulator, textTo('o1', 'x'))).toBe(45015);
    await user.click('MENU');
    for (const expected of [0, 0, 0, 45047]) expect(await send(simulator, textTo('o1', 'x'))).toBe(expected);
    await user.say('hi');
    expect(await send(simulator, textTo('o1', 'x'))).toBe(0);
    now += 48 * 3_600_000;
    expect(await send(simulator, textTo('o1', 'x'))).toBe(45015);
    await user.unsubscribe();
    expect(await send(simulator, textTo('o1', 'x'))).toBe(43004);
  });
});

describe("the simulator's pushes", () => {
  test('are tried three times, signed anew, and end in the notice', async () => {
    const seen: string[] = [];
    const webhookUrl = await startWebhook((incoming, response) => {
      seen.push(incoming.url ?? '');
      response.end('{"oops":true}');
    });
    const simulator = await simulate({ webhookUrl });
    const user = simulator.user('o1');
    expect(await user.say('hi')).toMatchObject({
      outcome: 'notice',
      tries: [{ status: 200 }, { status: 200 }, { status: 200 }],
    });
    expect(user.notices).toBe(1);
    expect(new Set(seen.map((url) => new URL(url, 'http://x').searchParams.get('signature'))).size).toBe(3);
  });

  test('wait no longer than the platform does', async () => {
    const webhookUrl = await startWebhook(() => undefined);
    const simulator = await simulate({ webhookUrl, pushTimeoutMs: 50 });
    const { outcome, tries } = await simulator.user('o1').say('hi');
    expect(outcome).toBe('notice');
    expect(tries).toHaveLength(3);
    for (const { error } of tries) expect(error).toContain('TimeoutError');
  });

  test.each(['', 'success', '<xml></xml>'])('take %j for an answer', async (body) => {
    const simulator = await simulate({
      webhookUrl: await startWebhook((_request, response) => response.end(body)),
    });
    expect(await simulator.user('o1').say('hi')).toMatchObject({ outcome: 'acknowledged' });
  });
});
