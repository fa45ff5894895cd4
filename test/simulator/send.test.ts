import { describe, expect, test } from 'vitest';
import { call, get, send, sendPath, simulate, simulateAcknowledged, textTo, tokenOf } from './support.js';

describe('a send', () => {
  test.each([
    ['an empty body', '', 44002],
    ['a list', [], 47001],
    ['bytes that are not UTF-8', Buffer.from('{"touser":"o1","x":"\xe4"}', 'latin1'), 40033],
    ['a type that every object inherits', { touser: 'o1', msgtype: 'constructor' }, 40008],
    ['an article that is none', { touser: 'o1', msgtype: 'news', news: { articles: [null] } }, 44003],
    ['a text that is no object', { touser: 'o1', msgtype: 'text', text: 'hi' }, 44004],
    ['a media_id that cannot be one', { touser: 'o1', msgtype: 'voice', voice: { media_id: 'a b' } }, 40007],
    ['a mark of AI that is none', { ...textTo('o1', 'x'), aimsgcontext: { is_ai_msg: true } }, 40097],
    ['somebody who never acted', textTo('oStranger', 'x'), 45015],
  ])('with %s is refused', async (_name, body, errcode) => {
    expect(await send(await simulate(), body)).toBe(errcode);
  });

  test('may have 2,048 bytes of text', async () => {
    const simulator = await simulateAcknowledged();
    await simulator.user('o1').say('hi');
    expect(await send(simulator, textTo('o1', `${'中'.repeat(682)}ab`))).toBe(0);
  });

  test('that is refused uses up nothing, says why, and carries a request id', async () => {
    const simulator = await simulateAcknowledged();
    await simulator.user('o1').click('MENU');
    const path = `${sendPath}?access_token=${await tokenOf(simulator)}`;
    expect(await call(simulator, path, textTo('o1', ''))).toEqual({
      errcode: 44004,
      errmsg: expect.stringMatching(/^empty content rid: \w+-\w+-\w+$/),
    });
    for (const expected of [0, 0, 0, 45047]) expect(await send(simulator, textTo('o1', 'x'))).toBe(expected);
    expect(simulator.delivered).toHaveLength(3);
  });

  test.each([
    ['text', { content: 'see <a href="https://e.com">here</a>\nbye' }, 'see here (https://e.com)\nbye'],
    [
      'news',
      { articles: [{ title: 'T', description: 'D', url: 'https://e.com', picurl: 'p' }] },
      '【T】D[图] https://e.com',
    ],
    ['image', { media_id: 'm1' }, '[图片] m1'],
    [
      'msgmenu',
      { head_content: '满意吗？', list: [{ id: '1', content: '满意' }], tail_content: '谢谢' },
      '满意吗？ [满意] 谢谢',
    ],
  ])('of type %s shows as a user sees it', async (msgtype, part, text) => {
    const simulator = await simulateAcknowledged();
    await simulator.user('o1').say('hi');
    expect(await send(simulator, { touser: 'o1', msgtype, [msgtype]: part })).toBe(0);
    expect(simulator.delivered).toMatchObject([
      { sequence: 1, openid: 'o1', msgtype, text, body: { [msgtype]: part } },
    ]);
  });

  test('must be posted, and to a path that exists', async () => {
    const simulator = await simulate();
    expect(await get(simulator, sendPath)).toMatchObject({ errcode: 43002 });
    expect(await get(simulator, '/cgi-bin/nonsense')).toMatchObject({ errcode: 40066 });
  });
});

describe('the reply windows', () => {
  const text = textTo('o1', 'x');

  async function allowed(act: (simulator: Awaited<ReturnType<typeof simulate>>) => Promise<unknown>) {
    const simulator = await simulateAcknowledged();
    await act(simulator);
    let count = 0;
    while ((await send(simulator, text)) === 0) count += 1;
    return count;
  }

  test.each([
    ['a message', 5, 'say'],
    ['an image', 5, 'image'],
    ['a subscription', 3, 'subscribe'],
    ['a menu click', 3, 'click'],
    ['a scan', 3, 'scan'],
  ] as const)('of %s allow %i', async (_name, count, action) => {
    expect(await allowed((simulator) => simulator.user('o1')[action]('x' as never))).toBe(count);
  });

  test.each([
    ['scancode_waitmsg', 3],
    ['VIEW', 0],
    ['LOCATION', 0],
  ])('of the event %s allow %i', async (name, count) => {
    expect(await allowed(({ user }) => user('o1').event(name, { EventKey: 'k' }))).toBe(count);
    expect(await allowed(({ user }) => user('o1').event({ Event: name, EventKey: 'k' }))).toBe(count);
  });

  test('of a click on a msgmenu entry are those of a menu click', async () => {
    const fields = { Content: '满意', bizmsgmenuid: '101' };
    expect(await allowed(({ user }) => user('o1').message('text', fields))).toBe(3);
  });

  test('are used up in the order in which they end, not in which they opened', async () => {
    let now = 1_700_000_000_000;
    const simulator = await simulateAcknowledged({ clock: () => now });
    await simulator.user('o1').say('hi');
    await simulator.user('o1').click('MENU');
    for (let index = 0; index < 3; index += 1) expect(await send(simulator, text)).toBe(0);
    now += 60_000;
    for (const expected of [0, 0, 0, 0, 0, 45047]) expect(await send(simulator, text)).toBe(expected);
  });

  test('of one minute end to the millisecond', async () => {
    let now = 1_700_000_000_000;
    const simulator = await simulateAcknowledged({ clock: () => now });
    await simulator.user('o1').subscribe();
    now += 59_999;
    expect(await send(simulator, text)).toBe(0);
    now += 1;
    expect(await send(simulator, text)).toBe(45015);
  });

  test('belong to one user', async () => {
    expect(await allowed(({ user }) => user('oOther').say('hi'))).toBe(0);
  });

  test('do not open again when a push is repeated', async () => {
    expect(await allowed(async ({ user }) => user('o1').resend(await user('o1').click('MENU')))).toBe(3);
  });

  test('mean nothing for somebody who left, until they come back', async () => {
    const simulator = await simulateAcknowledged();
    await simulator.user('o1').say('hi');
    await simulator.user('o1').event('unsubscribe');
    expect(await send(simulator, text)).toBe(43004);
    await simulator.user('o1').subscribe({ scene: 'door' });
    expect(await send(simulator, text)).toBe(0);
  });
});
