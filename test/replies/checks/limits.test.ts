import { describe, expect, test } from 'vitest';
import { runInProcess } from '../../support/command-line.js';
import { setStage, settled } from '../../support/stage.js';
import { waitFor } from '../../support/wait.js';
import { startWorkerProcess } from '../../support/worker-process.js';

describe('USER_LIMIT', () => {
  test('lets so many messages of a user through; the next is told so, and those behind it get nothing', async () => {
    const { simulator, database, start } = await setStage();
    let runs = 0;
    const service = await start({
      replies: () => {
        runs += 1;
        return 'hello';
      },
      settings: { USER_LIMIT: '2/1h,100/1d', LIMIT_NOTICE: 'slowly, please' },
    });
    const user = simulator.user('oUser');
    for (const text of ['1', '2', '3', '4']) await user.say(text);
    await simulator.user('oOther').say('1');
    await settled(database, 5);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['hello', 'hello', 'slowly, please']);
    expect(simulator.inboxOf('oOther').map(({ text }) => text)).toEqual(['hello']);
    expect(runs).toBe(3);
    expect(
      await database.rows(
        `select status, error from wechat.inbound_message where openid = 'oUser' order by id offset 2`,
      ),
    ).toEqual([
      { status: 'settled', error: 'limited: more than 2 messages in 1h' },
      { status: 'settled', error: 'limited: more than 2 messages in 1h' },
    ]);
    expect(service.logged.filter(({ event }) => event === 'user_limited')).toMatchObject([
      { notice: true, reason: 'limited: more than 2 messages in 1h' },
      { notice: false },
    ]);

    const [last] = await database.rows<{ id: string }>(
      'select max(id) as id from wechat.inbound_message where openid = $1',
      ['oUser'],
    );
    const shown = await runInProcess(['show', last?.id ?? ''], { DATABASE_URL: database.url });
    expect(shown.out).toContain('limited: more than 2 messages in 1h');
    expect(shown.out).toContain('did not run');
  });

  test('counts messages, clicks and scans; other events are answered all the same', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: () => 'hello', settings: { USER_LIMIT: '2/1h', LIMIT_NOTICE: 'off' } });
    const user = simulator.user('oUser');
    await user.subscribe();
    await user.event('LOCATION', { Latitude: '1', Longitude: '2', Precision: '3' });
    await user.click('MENU');
    await user.scan('7');
    await user.say('too much');
    await user.event('VIEW', { EventKey: 'https://example.com' });
    await settled(database, 6);
    expect(
      await database.rows(
        `select coalesce(event, msg_type) as kind, error is not null as limited from wechat.inbound_message order by id`,
      ),
    ).toEqual([
      { kind: 'subscribe', limited: false },
      { kind: 'location', limited: false },
      { kind: 'click', limited: false },
      { kind: 'scan', limited: false },
      { kind: 'text', limited: true },
      { kind: 'view', limited: false },
    ]);
    expect(simulator.inboxOf('oUser')).toHaveLength(5);
  });

  test('a message that runs again after its worker died is not counted twice', {
    timeout: 60_000,
  }, async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    const settings = { USER_LIMIT: '2/1h', RESCUE_AFTER: '1' };
    const dying = await startWorkerProcess(stage, {
      replies: `export const replies = () => new Promise(() => setInterval(() => undefined, 1_000));`,
      settings,
    });
    await simulator.user('oUser').say('1');
    await waitFor(
      'the count',
      async () => (await database.rows('select from wechat.user_usage')).length === 1,
    );
    dying.child.kill('SIGKILL');
    await dying.exited;
    await startWorkerProcess(stage, { replies: `export const replies = () => 'hello';`, settings });
    await simulator.user('oUser').say('2');
    await settled(database, 2);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['hello', 'hello']);
    await simulator.user('oUser').say('3');
    await settled(database, 3);
    expect(
      await database.rows(
        `select count(*)::int as limited from wechat.inbound_message where error like 'limited: %'`,
      ),
    ).toEqual([{ limited: 1 }]);
  });

  test('is forgotten with its user', async () => {
    const { account, simulator, database, start } = await setStage();
    await start({ replies: () => 'hello', settings: { USER_LIMIT: '2/1h' } });
    await simulator.user('oUser').say('1');
    await settled(database, 1);
    await waitFor(
      'nobody to have it',
      async () => (await database.rows('select from wechat.lane')).length === 0,
    );
    await database.rows('select wechat.forget($1, $2)', [account.appId, 'oUser']);
    expect(await database.rows('select from wechat.user_usage')).toEqual([]);
  });
});
