import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { runInProcess } from '../support/command-line.js';
import { testSettings } from '../support/service.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const echo: Replies = ({ message }) => {
  if (message.kind !== 'text') return undefined;
  if (message.content === 'bug') throw new Error('a bug in the replies');
  return message.content;
};

/** The command line with DATABASE_URL and no other setting. */
function commandLine({ database }: Stage) {
  const cli = (...args: string[]) => runInProcess(args, { DATABASE_URL: database.url });
  return {
    cli,
    async json<T>(...args: string[]): Promise<T> {
      const { code, out, err } = await cli(...args, '--json');
      expect(code, err).toBe(0);
      return JSON.parse(out) as T;
    },
  };
}

const refused = { errcode: 45002, errmsg: 'content size out of limit rid: 1' };

const long =
  '请问我上周在你们店里买的那本书什么时候能够送到，我已经等了很久了，可以帮我查一下订单吗？谢谢你们';

describe('an operator', () => {
  test('sees what failed and why, puts it right with one command, and finds that on record', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    await start({ replies: echo });
    const { cli, json } = commandLine(stage);
    simulator.faults.add({ times: 2, fault: refused });
    await simulator.user('oAnna').say(long);
    await simulator.user('oBert').say('hello');
    await settled(database, 2);

    const status = await cli('status');
    expect(status).toMatchObject({ code: 0 });
    expect(status.out).toMatch(/1 worker alive · 0 messages waiting · 2 deliveries not sent in 24 h/);
    expect(status.out).toMatch(/failed +45002 +2 .*content size out of limit/);
    expect(status.out).toMatch(/access_token/);

    const list = await cli('list');
    expect(list.out).toMatch(/failed +45002 +1 /);
    expect(list.out).toContain('2 deliveries since');
    for (const line of [...status.out.split('\n'), ...list.out.split('\n')])
      expect(stringWidth(line), line).toBeLessThanOrEqual(100);
    // Columns stay columns, however wide the characters are: all rows have their state at the same place.
    const rows = list.out.split('\n').filter((line) => line.includes(' failed '));
    expect(new Set(rows.map((row) => stringWidth(row.slice(0, row.indexOf(' failed '))))).size).toBe(1);

    const found = await json<{ id: string; message_id: string }[]>('list', '--openid', 'oBert');
    expect(found).toHaveLength(1);
    expect(await json('list', '--code', '45009')).toEqual([]);
    expect(await json('list', '--state', 'sent')).toEqual([]);
    expect(await json('list', '--text', '上周在你们店里')).toHaveLength(1);
    expect(await json('list', '--text', '100%')).toEqual([]);
    expect(await json('list', 'messages', '--state', 'settled')).toHaveLength(2);
    expect(await json('list', '--account', 'wxother')).toEqual([]);

    const show = await cli('show', found[0]?.message_id ?? '');
    expect(show.out).toContain('hello');
    expect(show.out).toMatch(/permanent +200 +45002 +content size out of limit/);
    expect(show.out).toContain(`wechat-outbox requeue ${found[0]?.id}`);
    expect((await cli('show', '--delivery', found[0]?.id ?? '')).out).toBe(show.out);

    const dry = await cli('requeue', '--state', 'failed', '--code', '45002', '--since', '2h', '--dry-run');
    expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('2 deliveries: can be requeued') });
    const unasked = await cli('requeue', '--state', 'failed');
    expect(unasked).toMatchObject({ code: 2, err: expect.stringContaining('say --yes') });
    expect(simulator.delivered).toHaveLength(0);

    expect(await json('requeue', '--state', 'failed', '--yes')).toMatchObject({ requeued: 2 });
    await settled(database, 2);
    expect(simulator.inboxOf('oAnna').map(({ text }) => text)).toEqual([long]);
    const again = await cli('requeue', found[0]?.id ?? '', '--yes');
    expect(again).toMatchObject({ code: 1, out: expect.stringContaining('were sent already') });

    const conversation = await cli('conversation', 'oBert');
    expect(conversation.out).toMatch(/→ +hello +settled\n.*← +hello +sent/);
    const [action] = await database.rows<{ actor: string }>('select * from wechat.operator_action');
    expect(action).toMatchObject({ action: 'requeue', affected: 2, app_id: account.appId });
    expect(action?.actor).toMatch(/.+@.+/);
  });

  test('has messages answered again whose reply logic failed, once the bug is mended', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    const { cli, json } = commandLine(stage);
    let isBroken = true;
    await start({
      replies: () => {
        if (isBroken) throw new Error('a bug in the replies');
        return 'mended';
      },
    });
    await simulator.user('oAnna').say('hello');
    await waitFor('the message to fail', async () =>
      (await database.rows(`select from wechat.inbound_message where status = 'failed'`)).at(0),
    );
    expect((await cli('status')).out).toContain('1 message failed in the reply logic');
    const failed = await json<{ id: string; error: string }[]>('list', 'messages');
    expect(failed).toMatchObject([{ error: expect.stringContaining('a bug in the replies') }]);
    expect((await cli('show', failed[0]?.id ?? '')).out).toContain(`requeue --messages ${failed[0]?.id}`);
    isBroken = false;
    expect(await json('requeue', '--messages', '--since', '1h', '--yes')).toMatchObject({ requeued: 1 });
    await simulator.waitForDelivered('oAnna', 1);
  });

  test('sees which messages were answered together', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    const { cli } = commandLine(stage);
    await start({ replies: echo, settings: { MERGE_WITHIN: '1' } });
    await simulator.user('oAnna').say('one');
    await simulator.user('oAnna').say('two');
    await settled(database, 2);
    const [first, last] = await database.rows<{ id: string }>(
      'select id from wechat.inbound_message order by id',
    );
    const earlier = await cli('show', first?.id ?? '');
    expect(earlier.out).toMatch(new RegExp(`together +answered with message ${last?.id}`));
    expect(earlier.out).not.toContain('Nothing was planned');
    expect((await cli('show', last?.id ?? '')).out).toMatch(/together +1 earlier message answered with it/);
  });

  test('pauses, sends, cancels and resumes', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    const { cli, json } = commandLine(stage);
    await start({ replies: echo });
    await simulator.user('oAnna').say('hello');
    await settled(database, 1);
    expect((await cli('pause', account.appId, '--reason', 'night')).out).toContain('operator: night');
    expect((await cli('status')).out).toMatch(/1 account AT REST/);

    const long = '长'.repeat(1_000);
    const { deliveries } = await json<{ deliveries: string[] }>('send', 'oAnna', '--text', long);
    expect(deliveries).toHaveLength(2);
    expect(await cli('send', 'oNobody', '--text', 'hi')).toMatchObject({
      code: 1,
      err: expect.stringContaining('never wrote'),
    });
    expect(await json('cancel', deliveries[1] ?? '', '--yes')).toMatchObject({ cancelled: 1 });
    expect(await json('resume', account.appId)).toMatchObject({ wasPaused: true });
    await settled(database, 1);
    expect(simulator.inboxOf('oAnna').map(({ text }) => [...text].length)).toEqual([5, 682]);
    expect((await cli('resume', account.appId)).out).toContain('was not paused');
    const actions = await database.rows<{ action: string }>(
      'select action from wechat.operator_action order by id',
    );
    expect(actions.map(({ action }) => action)).toEqual(['pause', 'send', 'send', 'cancel', 'resume']);
  });

  test('renews a token, simulates a push, and lets the doctor look', async () => {
    const stage = await setStage();
    const { account, simulator, database, start } = stage;
    const { webhookUrl } = await start({ replies: echo });
    const port = new URL(webhookUrl).port;
    const settings = {
      ...testSettings({ account, simulator, databaseUrl: database.url }),
      PORT: port,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
    };
    const pushed = await runInProcess(
      ['simulate', '--text', '你好', '--openid', 'oAnna', '--json'],
      settings,
    );
    expect(JSON.parse(pushed.out)).toMatchObject({ outcome: 'acknowledged' });
    await settled(database, 1);

    const tokenOf = async () =>
      (await database.rows<{ value: string }>('select value from wechat.credential'))[0]?.value;
    const before = await tokenOf();
    const renewed = await runInProcess(['token', 'refresh', account.appId], settings);
    expect(renewed).toMatchObject({ code: 0, out: expect.stringContaining('has a new access token') });
    expect(await tokenOf()).not.toBe(before);
    expect(renewed.out + renewed.err).not.toContain(String(await tokenOf()));
    await simulator.user('oAnna').say('after it');
    await settled(database, 2);

    const well = await runInProcess(['doctor'], settings);
    // The tests' own Postgres may be set to be quick, which the doctor does not let pass.
    const fails = well.out.split('\n').filter((line) => line.startsWith('fail'));
    expect(fails.filter((line) => !line.includes('fsync is off'))).toEqual([]);
    expect(well.code).toBe(fails.length > 0 ? 1 : 0);
    for (const what of ['settings', 'database', 'clock', 'migrations', 'API', 'token', 'sending', 'workers'])
      expect(well.out).toMatch(new RegExp(`^ok +${what}`, 'm'));
    expect(well.out.match(/^ok +webhook/gm)).toHaveLength(2);

    // It asks by a message to nobody.
    expect(simulator.inboxOf('nobody')).toEqual([]);
    simulator.faults.add({ path: '/cgi-bin/message/custom/send', fault: { errcode: 48001 } });
    const unverified = await runInProcess(['doctor', '--json'], settings);
    expect(unverified.code).toBe(1);
    expect(JSON.parse(unverified.out)).toContainEqual({
      level: 'fail',
      what: 'sending',
      found: expect.stringMatching(/unverified account: the customer-service API is not open to it.*48001/),
      todo: expect.stringContaining('verified'),
    });

    simulator.faults.add({ path: '/cgi-bin/stable_token', fault: { errcode: 40164 } });
    await database.pool.query(`delete from wechat.schema_migration where name like '0005%'`);
    const ill = await runInProcess(['doctor', '--json'], { ...settings, PORT: '9' });
    expect(ill.code).toBe(1);
    const findings = JSON.parse(ill.out) as { level: string; what: string; todo?: string }[];
    const failed = findings.filter(({ level, what }) => level === 'fail' && what !== 'durability');
    expect(failed).toMatchObject([
      { what: 'migrations', todo: 'wechat-outbox migrate' },
      { what: 'token', todo: expect.stringContaining('allowlist') },
    ]);
    expect(ill.out).not.toContain(account.appSecret);
  });

  test('is told what is missing when the doctor finds nothing to look at', async () => {
    const settings = {
      DATABASE_URL: 'postgres://x:hunter2@127.0.0.1:9/none',
      WECHAT_APP_ID: 'wx0123456789abcdef',
    };
    const { code, out } = await runInProcess(['doctor'], settings);
    expect(code).toBe(1);
    expect(out).toMatch(/fail +settings +WECHAT_APP_SECRET is missing/);
    expect(out).toMatch(/fail +database .*ECONNREFUSED/);
    expect(out).not.toContain('hunter2');
  });
});

test('a wrong call is refused with what to do, and exit code 2', async () => {
  const { cli } = commandLine(await setStage());
  const wrong: [string[], RegExp][] = [
    [['show', 'abc'], /must be a number/],
    [['show', '999'], /There is no message 999/],
    [['list', '--since', 'yesterday'], /It must be like/],
    [['list', '--state', 'lost'], /one of pending, sending/],
    [['list', 'users'], /Allowed choices are deliveries, messages/],
    [['conversation', 'oNobody'], /Nobody of that openid ever wrote/],
    [['requeue'], /Say which/],
    [['requeue', '1', '--state', 'failed'], /either ids or a filter/],
    [['requeue', '--state', 'sent'], /Allowed choices are failed, expired/],
  ];
  for (const [args, message] of wrong) {
    const { code, err } = await cli(...args);
    expect(err).toMatch(message);
    expect(code, args.join(' ')).toBe(2);
  }
});
