import { expect, test } from 'vitest';
import { createRouter } from '../../src/replies/router.js';
import { setStage, settled } from '../support/stage.js';

test('reply logic has the history, keeps a state, and does once what is not to be repeated', async () => {
  const { simulator, database, start } = await setStage();
  let orders = 0;
  let runs = 0;
  const router = createRouter().text(async ({ history, state, once, window }) => {
    runs += 1;
    const order = await once('order', () => {
      orders += 1;
      return orders;
    });
    if (runs === 1) throw new Error('after the order');
    const before = await history({ turns: 2 });
    const count = ((await state.get())?.value as number | undefined) ?? 0;
    await state.set(count + 1);
    return JSON.stringify({
      order,
      count,
      quota: window?.quota,
      before: before.map(({ from, text }) => [from, text]),
    });
  });
  await start({ replies: (context) => router.answer(context) });
  await simulator.user('oUser').say('one');
  await settled(database, 1);
  await simulator.user('oUser').say('two');
  await settled(database, 2);
  const [first, second] = simulator.inboxOf('oUser').map(({ text }) => text);
  expect(JSON.parse(first ?? '')).toEqual({ order: 1, count: 0, quota: 5, before: [] });
  expect(JSON.parse(second ?? '')).toEqual({
    order: 2,
    count: 1,
    quota: 5,
    before: [
      ['user', 'one'],
      ['replies', first],
    ],
  });
  expect({ runs, orders }).toEqual({ runs: 3, orders: 2 });
});

test('reply logic calls any API of WeChat with the token of the account', async () => {
  const { simulator, database, start } = await setStage();
  const router = createRouter().text(async ({ message, wechat }) => {
    const typing = { touser: message.openid, command: 'Typing' };
    return JSON.stringify(await wechat.call('POST', '/cgi-bin/message/custom/typing', typing));
  });
  await start({ replies: (context) => router.answer(context) });
  await simulator.user('oUser').say('call');
  await settled(database, 1);
  expect(simulator.inboxOf('oUser').map(({ text }) => JSON.parse(text ?? ''))).toEqual([
    expect.objectContaining({ errcode: 0 }),
  ]);
});
