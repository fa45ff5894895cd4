import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Command, runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

const module = `
export const replies = ({ message }) => {
  if (message.content === 'block') for (;;);
  return message.content;
};`;

test('a process whose reply logic blocks it for ever is replaced, and the message fails in the end', {
  timeout: 90_000,
}, async () => {
  const { account, simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  await simulator.user('oBlocking').say('block');
  await simulator.user('oOther').say('hello');
  // Two have died of it already; from then on it is run alone.
  await database.rows(`update wechat.lane set crashes = 2 where openid = 'oBlocking'`);
  const file = path.join(scratchDirectory(), 'replies.mjs');
  writeFileSync(file, module);
  const settings = {
    ...testSettings({ account, simulator, databaseUrl: database.url }),
    REPLIES: file,
    RESCUE_AFTER: '2',
  };
  let blocked: Command | undefined;
  for (let crashes = 2; crashes < 4; crashes += 1) {
    const worker = runCommand(['start', '--role', 'worker'], settings);
    await waitFor('the next to stand still with the message', async () => {
      const [row] = await database.rows<{ taken: boolean }>(
        `select claim is not null and crashes = $1 as taken from wechat.lane where openid = 'oBlocking'`,
        [crashes],
      );
      return row?.taken;
    });
    // Only now: it was given up while it lived.
    blocked?.child.kill('SIGKILL');
    blocked = worker;
  }
  runCommand(['start', '--role', 'worker'], settings);
  await waitFor(
    'every message to have an end',
    async () =>
      (await database.rows('select from wechat.inbound_message where settled_at is null')).length === 0,
  );
  blocked?.child.kill('SIGKILL');
  expect(
    await database.rows(`select status, error from wechat.inbound_message where content = 'block'`),
  ).toEqual([{ status: 'failed', error: 'the worker process died 4 times while the reply logic ran' }]);
  expect(simulator.inboxOf('oOther')).toHaveLength(1);
});
