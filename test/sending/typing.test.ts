import { expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const typingPath = '/cgi-bin/message/custom/typing';

/** Reply logic that ends when the test lets it. */
function heldReplies(): { replies: Replies; finish: (answer?: string) => void } {
  let finish: (answer?: string) => void = () => undefined;
  const held = new Promise<string | undefined>((resolve) => {
    finish = resolve;
  });
  return { replies: () => held, finish };
}

test('the user sees typing while the reply logic takes long, until it is done', async () => {
  const { simulator, start } = await setStage();
  const { replies, finish } = heldReplies();
  await start({ replies, settings: { TYPING_INDICATOR: 'true' } });
  await simulator.user('oUser').say('hello');
  await waitFor('typing', () => simulator.typing.length === 1);
  expect(simulator.typing).toMatchObject([{ openid: 'oUser', command: 'Typing' }]);
  finish('there');
  await simulator.waitForDelivered('oUser', 1);
  await waitFor('no more typing', () =>
    simulator.calls.some(({ path, body }) => path === typingPath && body.includes('CancelTyping')),
  );
});

test('a quick reply goes without it, and so does every one where it is not switched on', async () => {
  const { simulator, database, start } = await setStage();
  const { replies, finish } = heldReplies();
  await start({ replies });
  await simulator.user('oSlow').say('hello');
  await simulator.user('oOther').say('hello');
  // Longer than the indicator would wait.
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  finish('there');
  await settled(database, 2);
  await start({ role: 'worker', replies: () => 'quick', settings: { TYPING_INDICATOR: 'true' } });
  await simulator.user('oQuick').say('hello');
  await settled(database, 3);
  expect(simulator.calls.filter(({ path }) => path === typingPath)).toEqual([]);
});

test('whatever goes wrong with it, the reply arrives', async () => {
  const { simulator, database, start } = await setStage();
  const { replies, finish } = heldReplies();
  await start({ replies, settings: { TYPING_INDICATOR: 'true' } });
  const faults = [{ errcode: 45080 }, { errcode: 45072 }, { errcode: 40001 }, { httpStatus: 502 }] as const;
  for (const [index, fault] of faults.entries()) {
    simulator.faults.add({ path: typingPath, openid: `o${index}`, fault });
    await simulator.user(`o${index}`).say('hello');
  }
  simulator.faults.add({ path: typingPath, openid: 'oReset', fault: { reset: 'before' } });
  await simulator.user('oReset').say('hello');
  await waitFor(
    'all of them asked for',
    () => simulator.calls.filter(({ path }) => path === typingPath).length === 5,
  );
  finish('there');
  await settled(database, 5);
  expect(simulator.delivered).toHaveLength(5);
});
