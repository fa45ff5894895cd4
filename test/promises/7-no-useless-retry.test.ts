import { describe, expect, test } from 'vitest';
import { defaultRetryPolicy } from '../../src/sending/retry-policy.js';
import { setStage, settled } from '../support/stage.js';

describe('a reply', () => {
  test.each([
    ['HTTP 502', { httpStatus: 502 }, 'transient'],
    ['a connection reset', { reset: 'before' }, 'unknown'],
    ['a garbled answer', { malformed: '<html>busy</html>' }, 'unknown'],
    ['an answer with a NUL', { malformed: 'a\0b' }, 'unknown'],
  ] as const)('tries again after %s', async (_name, fault, outcome) => {
    const { simulator, database, start } = await setStage();
    await start();
    simulator.faults.add({ fault });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser')).toHaveLength(1);
    expect(await database.rows('select outcome from wechat.delivery_attempt order by attempt')).toEqual([
      { outcome },
      { outcome: 'sent' },
    ]);
  });

  test('does not try again what is refused for good, and goes on with the next', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: () => ['one', 'two'] });
    simulator.faults.add({ fault: { errcode: 45002, errmsg: 'content size out of limit' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['two']);
    expect(
      await database.rows('select status, errcode, attempts from wechat.delivery order by position'),
    ).toEqual([
      { status: 'failed', errcode: 45002, attempts: 1 },
      { status: 'sent', errcode: 0, attempts: 1 },
    ]);
  });

  test.each([
    [43004, 'failed'],
    [45015, 'expired'],
  ])('calls no more for a user whom %i puts out of reach', async (errcode, status) => {
    const { simulator, database, start } = await setStage();
    await start({ replies: () => ['one', 'two', 'three'] });
    simulator.faults.add({ fault: { errcode } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.calls.filter(({ path }) => path.endsWith('/custom/send'))).toHaveLength(1);
    expect(
      await database.rows('select status, errcode, attempts from wechat.delivery order by position'),
    ).toEqual([
      { status, errcode, attempts: 1 },
      { status, errcode, attempts: 0 },
      { status, errcode, attempts: 0 },
    ]);
  });

  test('lets the platform say when a reply comes too late or too often', async () => {
    const { simulator, database, start } = await setStage();
    // The settings think that the platform allows more than it does.
    await start({ replies: () => ['1', '2', '3', '4'], settings: { WINDOW_MENU: '9/1m' } });
    await simulator.user('oUser').click('MENU');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser')).toHaveLength(3);
    expect(await database.rows('select errcode, status from wechat.delivery where position = 4')).toEqual([
      { errcode: 45047, status: 'failed' },
    ]);
  });
});

describe('the window of a menu click', () => {
  test('is used to its end: tight retries, then expired, with what was tried on record', async () => {
    const { simulator, database, start } = await setStage();
    // The real schedule; a window of three seconds in the place of sixty.
    await start({
      replies: () => 'event',
      settings: { WINDOW_MENU: '3/3s' },
      retryPolicy: defaultRetryPolicy,
    });
    simulator.faults.ratio(1, { errcode: -1 });
    const startedAt = Date.now();
    await simulator.user('oUser').click('MENU');
    await settled(database, 1);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    const [delivery] = await database.rows<{ status: string; attempts: number; errcode: number }>(
      'select status, attempts, errcode from wechat.delivery',
    );
    expect(delivery).toMatchObject({ status: 'expired', errcode: -1 });
    expect(delivery?.attempts).toBeGreaterThanOrEqual(2);
    expect(
      await database.rows(
        'select count(*)::int as attempts, min(outcome) as outcome from wechat.delivery_attempt',
      ),
    ).toEqual([{ attempts: delivery?.attempts, outcome: 'transient' }]);
    // No attempt is planned for after the end of the window; a job may be picked up half a second late.
    expect(
      await database.rows(
        `select from wechat.delivery_attempt, wechat.inbound_message where started_at > window_ends_at + interval '1 second'`,
      ),
    ).toEqual([]);
  });

  test('does not end a reply while an earlier message keeps a longer one open', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: ({ message }) => message.kind, settings: { WINDOW_MENU: '3/1s' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    simulator.faults.add({ fault: { delayMs: 2_500, followedBy: { errcode: -1 } } });
    await simulator.user('oUser').click('MENU');
    await settled(database, 2);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['text', 'event']);
  });
});
