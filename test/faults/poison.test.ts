import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { type Stage, setStage } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

/** Reply logic of which some texts kill, block or exhaust the process. */
const module = `
export const replies = async ({ message }) => {
  const text = message.content;
  if (text === 'exit') process.exit(1);
  if (text === 'block') for (;;);
  if (text === 'exhaust') {
    const all = [];
    for (;;) all.push(new Array(1_000_000).fill(all.length));
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  return text;
};`;

function writeModule(): string {
  const file = path.join(scratchDirectory(), 'replies.mjs');
  writeFileSync(file, module);
  return file;
}

function allHaveEnds({ database }: Stage): Promise<boolean> {
  return waitFor(
    'every message to have an end',
    async () =>
      (await database.rows('select from wechat.inbound_message where settled_at is null')).length === 0,
    60_000,
  );
}

/** Workers that are started again whenever they end, as a supervisor would. */
async function superviseWorkers(stage: Stage, count: number): Promise<{ ends: () => number }> {
  const { account, simulator, database } = stage;
  const settings = {
    ...testSettings({ account, simulator, databaseUrl: database.url }),
    REPLIES: writeModule(),
    RESCUE_AFTER: '2',
    NODE_OPTIONS: '--max-old-space-size=96',
  };
  let ends = 0;
  let over = false;
  onTestFinished(() => {
    over = true;
  });
  const supervise = async () => {
    while (!over) {
      const worker = runCommand(['start', '--role', 'worker'], settings);
      await worker.exited;
      ends += 1;
    }
  };
  for (let index = 0; index < count; index += 1) void supervise();
  return { ends: () => ends };
}

test.each([
  ['exit', 4],
  // Slower to die: as if it had killed two already.
  ['exhaust', 2],
] as const)(
  'a message whose reply logic kills the process (%s) fails alone',
  {
    timeout: 90_000,
  },
  async (poison, deaths) => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    await simulator.user('oPoisoned').say(poison);
    await simulator.user('oPoisoned').say('after');
    const others = Array.from({ length: 20 }, (_, index) => simulator.user(`oUser${index}`));
    await Promise.all(others.map((user) => user.say('hello')));
    await database.rows(`update wechat.lane set crashes = $1 where openid = 'oPoisoned'`, [4 - deaths]);
    const { ends } = await superviseWorkers(stage, 2);
    await allHaveEnds(stage);
    expect(
      await database.rows(
        `select content, status, error from wechat.inbound_message where status <> 'settled'`,
      ),
    ).toEqual([
      {
        content: poison,
        status: 'failed',
        error: 'the worker process died 4 times while the reply logic ran',
      },
    ]);
    expect(ends()).toBe(deaths);
    for (const { openid } of others) expect(simulator.inboxOf(openid)).toHaveLength(1);
    expect(simulator.inboxOf('oPoisoned').map(({ text }) => text)).toEqual(['after']);
  },
);

test('reply logic that hangs, throws or returns nonsense fails its message, and the next one is answered', async () => {
  const stage = await setStage();
  const { simulator, database, start } = stage;
  const runs: string[] = [];
  await start({
    replies: ({ message }) => {
      if (message.kind !== 'text') return undefined;
      runs.push(message.content);
      if (message.content === 'hang') return new Promise(() => undefined);
      if (message.content === 'throw') throw new Error('out of order');
      if (message.content === 'nonsense') return { type: 'hologram' } as never;
      return message.content;
    },
    settings: { REPLY_TIMEOUT: '0.2' },
  });
  for (const kind of ['hang', 'throw', 'nonsense']) {
    await simulator.user(`o-${kind}`).say(kind);
    await simulator.user(`o-${kind}`).say('next');
  }
  await allHaveEnds(stage);
  expect(
    await database.rows(
      `select content, error from wechat.inbound_message where status = 'failed' order by id`,
    ),
  ).toEqual([
    { content: 'hang', error: 'the reply logic took longer than 200 ms' },
    { content: 'throw', error: 'Error: out of order' },
    { content: 'nonsense', error: 'InvalidReplyError: reply 1 has the unknown type "hologram"' },
  ]);
  for (const kind of ['hang', 'throw', 'nonsense']) {
    expect(runs.filter((text) => text === kind)).toHaveLength(5);
    expect(simulator.inboxOf(`o-${kind}`).map(({ text }) => text)).toEqual(['next']);
  }
});
