import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Stage, setStage, settled } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';
import { sends, startWorkerProcess } from '../support/worker-process.js';

test('all deliveries of a reply are stored before the first one is sent', async () => {
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

/** Reply logic of a process, each run of which leaves a line in a file. */
function costlyReplies(replies: string): { module: string; runs(): number } {
  const file = path.join(scratchDirectory(), 'runs');
  return {
    module: `
      import { appendFileSync } from 'node:fs';
      export const replies = ({ message }) => {
        appendFileSync(${JSON.stringify(file)}, 'run\\n');
        return ${replies};
      };`,
    runs: () => readFileSync(file, 'utf8').split('\n').length - 1,
  };
}

const plans = ({ database }: Stage) => database.rows('select distinct message_id from wechat.delivery');

test.each([
  ['a slot', { SEND_CONCURRENCY: '1' }],
  ['leave of the send rate', { SEND_RATE: '0.1' }],
])(
  'a reply that waits for %s is stored: the logic does not run again after a crash',
  { timeout: 60_000 },
  async (_, limit) => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    const { module, runs } = costlyReplies('message.content');
    const settings = { RESCUE_AFTER: '2' };
    const worker = await startWorkerProcess(stage, { replies: module, settings: { ...settings, ...limit } });
    // One is on its way; it keeps its slot, and the others' turn is later.
    simulator.faults.add({ fault: { hang: true } });
    await simulator.user('oFirst').say('first');
    await waitFor('a send', () => sends(stage).length === 1);
    const users = Array.from({ length: 10 }, (_each, index) => simulator.user(`oUser${index}`));
    await Promise.all(users.map((user) => user.say('hello')));
    await waitFor('all replies to be stored', async () => (await plans(stage)).length === 11);
    worker.child.kill('SIGKILL');
    await worker.exited;
    expect(simulator.delivered.length).toBeLessThan(users.length);

    await startWorkerProcess(stage, { replies: module, settings });
    await settled(database, 11);
    expect(runs()).toBe(11);
    // One may have been on its way when the process died: then it is sent again.
    for (const { openid } of users)
      expect(simulator.inboxOf(openid).map(({ text }) => text)).toContain('hello');
  },
);

test('what is left of a reply after a crash goes out as it was stored, and the logic does not run again', {
  timeout: 60_000,
}, async () => {
  const stage = await setStage();
  const { simulator, database, start } = stage;
  await start({ role: 'ingress' });
  const { module, runs } = costlyReplies(
    `['one', 'two', 'three'].map((text) => text + ' by ' + process.pid)`,
  );
  const settings = { RESCUE_AFTER: '2', ON_UNKNOWN: 'hold' };
  const worker = await startWorkerProcess(stage, { replies: module, settings });
  // The second is on its way when the process dies.
  simulator.faults.add({ fault: { delayMs: 0 } });
  simulator.faults.add({ fault: { hang: true } });
  await simulator.user('oUser').say('hello');
  await waitFor('the second send', () => sends(stage).length === 2);
  worker.child.kill('SIGKILL');
  await worker.exited;

  await startWorkerProcess(stage, { replies: module, settings });
  await settled(database, 1);
  expect(runs()).toBe(1);
  expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual([
    `one by ${worker.child.pid}`,
    `three by ${worker.child.pid}`,
  ]);
  expect(await database.rows('select status from wechat.delivery order by position')).toEqual([
    { status: 'sent' },
    { status: 'unknown' },
    { status: 'sent' },
  ]);
});
