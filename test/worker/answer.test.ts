import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const echo: Replies = ({ message }) => (message.kind === 'text' ? message.content : undefined);

/** A gate that the reply logic waits at until the test opens it. */
function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('the outbox', () => {
  test('holds all deliveries of a reply before the first one is sent', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    simulator.faults.add({ fault: { delayMs: 1_000 } });
    await simulator.user('oUser').say('tw');
    await waitFor('the first send', () => simulator.calls.some(({ path }) => path.endsWith('/custom/send')));
    expect(simulator.delivered).toEqual([]);
    expect(
      await database.rows('select position, status, attempts from wechat.delivery order by position'),
    ).toEqual([
      { position: 1, status: 'sending', attempts: 1 },
      { position: 2, status: 'pending', attempts: 0 },
      { position: 3, status: 'pending', attempts: 0 },
    ]);
    await simulator.waitForDelivered('oUser', 3);
  });

  test('sends a reply once that WeChat refused twice as busy', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    simulator.faults.add({ times: 2, fault: { errcode: -1, errmsg: 'system error' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser')).toHaveLength(1);
    expect(
      await database.rows(
        'select attempt, outcome, errcode, errmsg from wechat.delivery_attempt order by attempt',
      ),
    ).toEqual([
      { attempt: 1, outcome: 'transient', errcode: -1, errmsg: 'system error' },
      { attempt: 2, outcome: 'transient', errcode: -1, errmsg: 'system error' },
      { attempt: 3, outcome: 'sent', errcode: 0, errmsg: 'ok' },
    ]);
    expect(await database.rows('select status, attempts, failures from wechat.delivery')).toEqual([
      { status: 'sent', attempts: 3, failures: 2 },
    ]);
  });

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

  test('tries again when nobody listens at the API', async () => {
    const { simulator, database, start } = await setStage();
    const { logged } = await start({ settings: { WECHAT_API_BASE: 'http://127.0.0.1:9' } });
    await simulator.user('oUser').say('hello');
    await waitFor('a failure for want of a token', () =>
      logged.some(({ event }) => event === 'no_access_token'),
    );
    const [delivery] = await waitFor('the delivery to wait', async () => {
      const rows = await database.rows<{ status: string; attempts: number; errmsg: string }>(
        'select status, attempts, errmsg from wechat.delivery where failures > 1',
      );
      return rows.length > 0 && rows;
    });
    // No call to send was made, so there is no attempt.
    expect(delivery).toMatchObject({
      status: 'pending',
      attempts: 0,
      errmsg: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await database.rows('select from wechat.delivery_attempt')).toEqual([]);
  });

  test('records an answer that was lost as unknown, and sends again', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    simulator.faults.add({ fault: { reset: 'after' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    // The first had arrived: at least once, and the record says why it was twice.
    expect(simulator.inboxOf('oUser')).toHaveLength(2);
    expect(await database.rows('select outcome from wechat.delivery_attempt order by attempt')).toEqual([
      { outcome: 'unknown' },
      { outcome: 'sent' },
    ]);
  });

  test('holds an unknown outcome for an operator where that is the setting', async () => {
    const { simulator, database, start } = await setStage();
    await start({ settings: { ON_UNKNOWN: 'hold' }, replies: () => ['one', 'two'] });
    simulator.faults.add({ fault: { reset: 'after' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['one', 'two']);
    expect(await database.rows('select status, attempts from wechat.delivery order by position')).toEqual([
      { status: 'unknown', attempts: 1 },
      { status: 'sent', attempts: 1 },
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
    const replies: Replies = ({ message }) =>
      message.kind === 'text' && message.content === 'much' ? six() : 'little';
    await start({ replies, settings: { ON_OVERFLOW: 'refuse' } });
    const user = simulator.user('oUser');
    await user.say('much');
    await user.say('hello');
    await simulator.waitForDelivered('oUser', 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['little']);
    expect(
      await database.rows(
        'select status, error, reply_attempts from wechat.inbound_message order by id limit 1',
      ),
    ).toEqual([
      {
        status: 'failed',
        error: 'the reply has 6 messages, and the reply window allows 5',
        reply_attempts: 1,
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

describe('a conversation', () => {
  test('is answered in order while others overtake it', async () => {
    const { simulator, database, start } = await setStage();
    const gate = createGate();
    await start({
      replies: async ({ message }) => {
        if (message.kind !== 'text') return undefined;
        if (message.content === 'slow') await gate.opened;
        return message.content;
      },
    });
    await simulator.user('oSlow').say('slow');
    for (const text of ['b', 'c', 'd']) await simulator.user('oSlow').say(text);
    await simulator.user('oOther').say('quick');
    await simulator.waitForDelivered('oOther', 1);
    expect(simulator.inboxOf('oSlow')).toEqual([]);
    gate.open();
    const inbox = await simulator.waitForDelivered('oSlow', 4);
    expect(inbox.map(({ text }) => text)).toEqual(['slow', 'b', 'c', 'd']);
    await settled(database, 5);
  });

  test('keeps its order over retries, with several workers', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: echo });
    await start({ role: 'worker', replies: echo });
    await start({ role: 'worker', replies: echo });
    simulator.faults.ratio(0.3, { errcode: -1 }, 7);
    const users = Array.from({ length: 20 }, (_, index) => simulator.user(`oUser${index}`));
    const texts = ['1', '2', '3', '4', '5'];
    await Promise.all(
      users.map(async (user) => {
        for (const text of texts) await user.say(text);
      }),
    );
    await settled(database, users.length * texts.length);
    for (const { openid } of users) {
      expect(simulator.inboxOf(openid).map(({ text }) => text)).toEqual(texts);
    }
  });
});

describe('reply logic', () => {
  test('that throws is tried again, then its message fails, and the next message goes on', async () => {
    const { simulator, database, start } = await setStage();
    let calls = 0;
    await start({
      replies: ({ message }) => {
        if (message.kind === 'text' && message.content === 'bad') {
          calls += 1;
          throw new Error('no such\0 order');
        }
        return 'fine';
      },
    });
    await simulator.user('oUser').say('bad');
    await simulator.user('oUser').say('good');
    await simulator.waitForDelivered('oUser', 1);
    expect(calls).toBe(5);
    expect(
      await database.rows(
        'select status, error, reply_attempts from wechat.inbound_message order by id limit 1',
      ),
    ).toEqual([{ status: 'failed', error: 'Error: no such order', reply_attempts: 5 }]);
  });

  test('that recovers is recorded once', async () => {
    const { simulator, database, start } = await setStage();
    let calls = 0;
    await start({
      replies: () => {
        calls += 1;
        if (calls < 3) throw new Error('not yet');
        return 'now';
      },
    });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['now']);
  });

  test('that hangs is ended by its time limit', async () => {
    const { simulator, database, start } = await setStage();
    const aborted: unknown[] = [];
    await start({
      settings: { REPLY_TIMEOUT: '0.05' },
      replies: ({ signal }) => {
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        return new Promise(() => {});
      },
    });
    await simulator.user('oUser').say('hello');
    await waitFor('the message to fail', async () => {
      const [row] = await database.rows<{ status: string; error: string }>(
        'select status, error from wechat.inbound_message',
      );
      return row?.status === 'failed' && /longer than 50 ms/.test(row.error);
    });
    expect(aborted).toHaveLength(5);
  });

  test('that returns nonsense fails its message with what was wrong', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: () => ({ type: 'hologram' }) as never });
    await simulator.user('oUser').say('hello');
    await waitFor('the message to fail', async () => {
      const [row] = await database.rows<{ error: string }>(
        `select error from wechat.inbound_message where status = 'failed'`,
      );
      return row?.error.includes('reply 1 has the unknown type "hologram"');
    });
    expect(await database.rows('select from wechat.delivery')).toEqual([]);
  });
});

test('a message for an account that is not configured waits for it, and loses nothing', async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  await simulator.user('oUser').say('hello');
  await database.pool.query(`update wechat.inbound_message set app_id = 'wxother'`);
  const { logged } = await start({ role: 'worker' });
  await waitFor('the log to say so', () => logged.some(({ event }) => event === 'account_unknown'));
  const [message] = await waitFor('the message to be given back', async () => {
    const rows = await database.rows<Record<string, unknown>>(
      `select status, error, reply_attempts, due_at > now() + interval '4 minutes' as later
       from wechat.inbound_message where claimed_by is null and error is not null`,
    );
    return rows.length > 0 && rows;
  });
  expect(message).toEqual({
    status: 'received',
    error: 'account wxother is not configured here',
    reply_attempts: 0,
    later: true,
  });
});

test('secrets and what users write stay out of the log', async () => {
  const { account, simulator, database, start } = await setStage();
  const { logged } = await start({ replies: echo });
  simulator.faults.add({ fault: { errcode: -1 } });
  await simulator.user('oUser').say('my card number is 4711');
  await settled(database, 1);
  const log = JSON.stringify(logged);
  expect(log).toContain('"event":"attempt"');
  for (const secret of [
    account.appSecret,
    account.token,
    '4711',
    simulator.tokens.current(account.appId) ?? '',
  ]) {
    expect(log).not.toContain(secret);
  }
});
