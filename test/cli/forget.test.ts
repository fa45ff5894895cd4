import { expect, test } from 'vitest';
import { runInProcess } from '../support/command-line.js';
import { tell } from '../support/history.js';
import { type Stage, setStage, settled } from '../support/stage.js';

const run = ({ database }: Stage, ...args: string[]) => runInProcess(args, { DATABASE_URL: database.url });

test('an operator has a user forgotten, who is gone from every command then', async () => {
  const stage = await setStage();
  const { account, simulator, database, start } = stage;
  await start({ replies: () => 'hi' });
  simulator.faults.add({ fault: { errcode: 45002 } });
  await simulator.user('oAnna').say('my secret');
  await settled(database, 1);

  const unasked = await run(stage, 'forget', 'oAnna');
  expect(unasked).toMatchObject({ code: 2, err: expect.stringContaining('who sent 1 message to') });
  expect(unasked.err).toContain('say --yes');
  expect(await run(stage, 'forget', 'oAnna', '--yes')).toMatchObject({
    code: 0,
    out: 'forgotten: 1 message, 1 delivery',
  });
  expect(await run(stage, 'conversation', 'oAnna')).toMatchObject({ code: 2 });
  const again = await run(stage, 'forget', 'oAnna', '--yes', '--account', account.appId);
  expect(again).toMatchObject({
    code: 2,
    err: expect.stringContaining('Nobody of that openid ever wrote to'),
  });

  const [message] = await database.rows<{ id: string }>('select id from wechat.inbound_message');
  const show = await run(stage, 'show', message?.id ?? '');
  expect(show.out).toMatch(/forgotten +\d{4}-/);
  expect(show.out).not.toMatch(/my secret|oAnna|requeue/);
  const requeue = await run(stage, 'requeue', '--state', 'failed', '--force', '--yes');
  expect(requeue.out).toContain('1 delivery: were of a user who is forgotten');
  const [action] = await database.rows('select action, actor, details from wechat.operator_action');
  expect(action).toMatchObject({ action: 'forget', actor: expect.stringMatching(/.+@.+/) });
  expect(JSON.stringify(action)).not.toContain('oAnna');
});

test('it says which accounts to choose from, and when to come again', async () => {
  const stage = await setStage();
  const { database } = stage;
  await tell(database.pool, 'wxone', [
    { openid: 'oAnna', hoursAgo: 1, text: 'hi' },
    { openid: 'oAnna', hoursAgo: 1, text: 'hi', status: 'received' },
    { openid: 'oAnna', hoursAgo: 1, text: 'hi', status: 'received' },
  ]);
  await tell(database.pool, 'wxtwo', [{ openid: 'oAnna', hoursAgo: 1, text: 'hi' }]);
  expect(await run(stage, 'forget', 'oAnna', '--yes')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/Say --account: oAnna wrote to wxone, wxtwo/),
  });
  await database.rows('update wechat.lane set claim = 1, worker_id = 1, claimed_at = now()');
  const args = ['forget', 'oAnna', '--account', 'wxone', '--yes'];
  const inHand = await run(stage, ...args);
  expect(inHand).toMatchObject({ code: 1, out: expect.stringContaining('run it again in a moment') });
  expect(inHand.out).toContain('given up: 1 message that waited');
  await database.rows('update wechat.lane set claim = null, worker_id = null, claimed_at = null');
  const done = await run(stage, ...args, '--json');
  expect(done.code).toBe(0);
  expect(JSON.parse(done.out)).toEqual({
    account: 'wxone',
    messages: 3,
    deliveries: 0,
    givenUp: 1,
    inHand: 0,
  });
  expect(await run(stage, 'forget', 'oNobody', '--yes')).toMatchObject({ code: 2 });
});
