import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import type { TestDatabase } from '../support/database.js';
import { forget as forgetUser, tablesWith } from '../support/forget.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const openid = 'oAnna';
const echo: Replies = ({ message }) =>
  message.kind === 'text' ? `You said: ${message.content}` : `Hello ${message.openid}`;

const forget = (database: TestDatabase, account: string) => forgetUser(database, account, openid);

describe('wechat.forget', () => {
  test('holds for what a running service and its operators stored', async () => {
    const { account, simulator, database, start } = await setStage();
    await start({ replies: echo });
    const anna = simulator.user(openid);
    await anna.subscribe();
    await anna.say('我的秘密');
    await anna.click('MENU');
    await settled(database, 3);
    simulator.faults.add({ fault: { errcode: 45002, errmsg: `not to ${openid}` } });
    await anna.say('once more');
    await settled(database, 4);
    await database.rows('select wechat.requeue(id) from wechat.delivery where errcode = 45002');
    await settled(database, 4);
    const hello = JSON.stringify({ msgtype: 'text', text: { content: 'by hand' } });
    await database.rows('select wechat.send($1, $2, $3)', [account.appId, openid, hello]);
    await settled(database, 4);
    expect(await forget(database, account.appId)).toMatchObject({ messages: 4, deliveries: 5, in_hand: 0 });
    for (const words of [openid, '我的秘密', 'once more', 'by hand', 'You said'])
      expect(await tablesWith(database, words), words).toEqual([]);
    // And whoever writes after that is answered as anybody would be.
    await anna.say('me again');
    await settled(database, 5);
    expect(simulator.inboxOf(openid).at(-1)?.text).toBe('You said: me again');
  });

  test('gives up what waits, and who wrote meanwhile does not wait for it', async () => {
    const { account, simulator, database, start } = await setStage();
    const ingress = await start({ role: 'ingress' });
    await simulator.user(openid).say('first');
    await simulator.user(openid).say('second');
    await database.rows(
      `with message as (select * from wechat.inbound_message where content = 'second')
       insert into wechat.delivery (message_id, position, app_id, openid, msg_type, payload, status, attempts,
         attempt_started_at)
       select id, 1, app_id, openid, 'text', '{"msgtype": "text", "text": {"content": "hi"}}', 'sending', 1, now()
       from message`,
    );
    expect(await forget(database, account.appId)).toEqual({
      messages: 2,
      deliveries: 1,
      given_up: 2,
      in_hand: 0,
    });
    await settled(database, 2);
    expect(await database.rows('select status, errmsg from wechat.delivery')).toEqual([
      { status: 'cancelled', errmsg: null },
    ]);
    expect(await database.rows('select outcome, errmsg from wechat.delivery_attempt')).toEqual([
      { outcome: 'unknown', errmsg: null },
    ]);
    await simulator.user(openid).say('third');
    await ingress.stop();
    await start({ role: 'worker', replies: echo });
    await settled(database, 3);
    expect(simulator.inboxOf(openid).map(({ text }) => text)).toEqual(['You said: third']);
  });

  test('holds back a message that arrives meanwhile, which is stored and answered then', async () => {
    const { account, simulator, database, start } = await setStage();
    const retryPolicy = { baseMs: 600_000, capMs: 600_000, maxFailures: 5, maxUnlistedFailures: 5 };
    await start({ replies: echo, retryPolicy });
    simulator.faults.add({ fault: { errcode: -1 } });
    await simulator.user(openid).say('first');
    await waitFor('its retry to wait', async () =>
      (
        await database.rows(
          `select from wechat.delivery d join wechat.lane l on l.openid = d.openid
           where d.failures = 1 and l.claim is null`,
        )
      ).at(0),
    );
    const other = await database.pool.connect();
    await other.query('begin');
    // One of the last rows that it comes to.
    await other.query('select from wechat.delivery_attempt for update');
    const forgotten = forget(database, account.appId);
    await waitFor('forget to have begun', async () =>
      (
        await database.rows(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
      ).at(0),
    );
    const told = simulator.user(openid).say('meanwhile');
    await other.query('rollback');
    other.release();
    await told;
    expect(await forgotten).toEqual({ messages: 1, deliveries: 1, given_up: 1, in_hand: 0 });
    await settled(database, 2);
    expect(simulator.inboxOf(openid).map(({ text }) => text)).toEqual(['You said: meanwhile']);
    expect(await database.rows('select openid from wechat.inbound_message order by id')).toEqual([
      { openid: expect.stringMatching(/^forgotten-/) },
      { openid },
    ]);
  });
});
