import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { setStage, settled } from '../support/stage.js';

describe('the allowance of a reply window', () => {
  const six = () => ['1', '2', '3', '4', '5', '6'];

  test('cuts a longer reply, which says so to the user and on the message', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: six, settings: { OVERFLOW_NOTICE: ' (more on our site)' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    const inbox = simulator.inboxOf('oUser').map(({ text }) => text);
    expect(inbox).toEqual(['1', '2', '3', '4', '5 (more on our site)']);
    expect(await database.rows('select status, error, window_quota from wechat.inbound_message')).toEqual([
      {
        status: 'settled',
        error: 'the reply was cut: 6 messages, and the reply window allows 5',
        window_quota: 5,
      },
    ]);
  });

  test('refuses a longer reply at once where the account wants that, and answers the next message', async () => {
    const { simulator, database, start } = await setStage();
    let runs = 0;
    const replies: Replies = ({ message }) => {
      runs += 1;
      return message.kind === 'text' && message.content === 'much' ? six() : 'little';
    };
    await start({ replies, settings: { ON_OVERFLOW: 'refuse' } });
    const user = simulator.user('oUser');
    await user.say('much');
    await user.say('hello');
    await simulator.waitForDelivered('oUser', 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['little']);
    expect(runs).toBe(2);
    expect(
      await database.rows('select status, error from wechat.inbound_message order by id limit 1'),
    ).toEqual([
      {
        status: 'failed',
        error: 'the reply has 6 messages, and the reply window allows 5',
      },
    ]);
  });

  test('and its time are settings, recorded with each message', async () => {
    const { simulator, database, start } = await setStage();
    await start({
      replies: () => undefined,
      settings: {
        WINDOW_MESSAGE: '20/2d',
        WINDOW_MENU: '4/30s',
        WINDOW_SUBSCRIBE: '2/5m',
        WINDOW_SCAN: '1/1h',
      },
    });
    const user = simulator.user('oUser');
    await user.say('hello');
    await user.message('text', { Content: 'yes', bizmsgmenuid: '101' });
    await user.click('MENU');
    await user.subscribe();
    await user.scan('1');
    await user.event('VIEW', { EventKey: 'https://example.com' });
    await settled(database, 6);
    expect(
      await database.rows(
        `select window_quota as quota, extract(epoch from window_ends_at - created_at)::int as seconds
         from wechat.inbound_message order by id`,
      ),
    ).toEqual([
      { quota: 20, seconds: 172_800 },
      { quota: 4, seconds: 30 },
      { quota: 4, seconds: 30 },
      { quota: 2, seconds: 300 },
      { quota: 1, seconds: 3_600 },
      { quota: null, seconds: null },
    ]);
  });
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
