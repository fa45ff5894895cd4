import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';
import { startWorkerProcess } from '../support/worker-process.js';

/** Says what it answers at once, and what was said before. */
const together: Replies = async ({ message, messages, history }) => {
  if (message.kind === 'event') return message.name;
  const texts = messages.map((one) => (one.kind === 'text' ? one.content : one.kind));
  const before = await history({ turns: 10 });
  return `${texts.join('+')} after ${before.map(({ text }) => text).join(', ')}`;
};

const said = ({ simulator }: Stage, openid: string) => simulator.inboxOf(openid).map(({ text }) => text);

test('what a user sends in one go is answered at once, and events by themselves', async () => {
  const stage = await setStage();
  await stage.start({ replies: together, settings: { MERGE_WITHIN: '1.5' } });
  const user = stage.simulator.user('oUser');
  await user.say('one');
  await user.say('two');
  await settled(stage.database, 2);
  await user.say('three');
  await user.click('HELP');
  await user.say('four');
  await settled(stage.database, 5);
  expect(said(stage, 'oUser')).toEqual([
    'one+two after ',
    'three after one, two, one+two after ',
    'click',
    expect.stringMatching(/^four after .*three.*click$/),
  ]);
});

test('each message is answered by itself where the account says nothing, or keeps no order', async () => {
  const stage = await setStage();
  await stage.start({ replies: together, settings: { MERGE_WITHIN: '1.5', ORDERED: 'false' } });
  const user = stage.simulator.user('oUser');
  await user.say('one');
  await user.say('two');
  await settled(stage.database, 2);
  expect(
    said(stage, 'oUser')
      .map((text) => text?.split(' ')[0])
      .sort(),
  ).toEqual(['one', 'two']);
});

test('a worker that dies after the merge leaves it to the next, with the same messages', {
  timeout: 90_000,
}, async () => {
  const stage = await setStage();
  const { simulator, database, start } = stage;
  await start({ role: 'ingress' });
  const file = path.join(scratchDirectory(), 'runs');
  // The first run never comes to an end: nothing is planned.
  const replies = `
    import { appendFileSync, existsSync } from 'node:fs';
    export const replies = ({ messages }) => {
      const isFirst = !existsSync(${JSON.stringify(file)});
      const texts = messages.map(({ content }) => content).join('+');
      appendFileSync(${JSON.stringify(file)}, texts + '\\n');
      return isFirst ? new Promise(() => undefined) : texts;
    };`;
  const settings = { RESCUE_AFTER: '2', MERGE_WITHIN: '1' };
  const worker = await startWorkerProcess(stage, { replies, settings });
  await simulator.user('oUser').say('one');
  await simulator.user('oUser').say('two');
  await waitFor('the first run', () => existsSync(file));
  worker.child.kill('SIGKILL');
  await worker.exited;
  expect(await database.rows('select from wechat.delivery')).toEqual([]);
  await simulator.user('oUser').say('three');

  await startWorkerProcess(stage, { replies, settings });
  await settled(database, 3);
  expect(readFileSync(file, 'utf8').trim().split('\n')).toEqual(['one+two', 'one+two', 'three']);
  expect(said(stage, 'oUser')).toEqual(['one+two', 'three']);
});
