import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../../scripts/free-ports.js';
import { secret } from '../support/back-end.js';
import { createForwarder } from '../support/forwarder.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';
import { sends } from '../support/worker-process.js';
import { root } from './pages.js';

const folder = path.join(root, 'docs/examples/http');

interface Example {
  program: string;
  args(port: number): string[];
  answersLater: boolean;
}

const examples: Readonly<Record<string, Example>> = {
  Node: { program: process.execPath, args: () => ['node.mjs'], answersLater: true },
  Python: { program: 'python3', args: () => ['python.py'], answersLater: true },
  PHP: { program: 'php', args: (port) => ['-S', `127.0.0.1:${port}`, 'php.php'], answersLater: false },
};

async function start({ program, args }: Example): Promise<string> {
  const port = await freePorts(1);
  const child = spawn(program, args(port), {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: String(port), REPLIES_HTTP_SECRET: secret },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}/reply`;
  // Unsigned, so that it also shows that such a request is refused.
  await waitFor(`${program} to listen`, async () => {
    const response = await fetch(url, { method: 'POST', body: '{}' }).catch(() => undefined);
    return response?.status === 401;
  });
  return url;
}

for (const [language, example] of Object.entries(examples)) {
  const isThere = !spawnSync(example.program, ['--version']).error;
  const title = `the example in ${language} answers${example.answersLater ? ', at once and later' : ''}`;
  // Where it is not installed, it is counted as skipped.
  test.skipIf(!isThere)(title, async () => {
    const url = await start(example);
    const { simulator, database, start: startService, ...stage } = await setStage();
    const front = await createForwarder();
    const service = await startService({
      repliesOfSettings: true,
      settings: {
        REPLIES: url,
        REPLIES_HTTP_SECRET: secret,
        REPLIES_HTTP_PRIVATE: 'true',
        REPLIES_HTTP_TURNS: '0',
        REPLIES_CALLBACK_URL: front.url,
      },
    });
    front.leadTo(new URL(service.webhookUrl).port);
    const anna = simulator.user('anna');
    const said = ['你好 "all"', 'site', ...(example.answersLater ? ['think'] : []), 'human'];
    for (const text of said) await anna.say(text);
    await settled(database, said.length);
    const got = sends({ ...stage, simulator, database, start: startService }, 'anna').map(
      ({ body }) => JSON.parse(body) as { text?: { content: string }; news?: unknown },
    );
    expect(got.map(({ text, news }) => text?.content ?? news)).toEqual([
      'You said: 你好 "all" (after 0 turns)',
      'Here it is:',
      { articles: [expect.objectContaining({ title: 'Our site' })] },
      ...(example.answersLater ? ['I thought about it: think'] : []),
      'A moment, please.',
    ]);
    expect(await database.rows('select reason from wechat.handover')).toEqual([
      { reason: 'asked for a person' },
    ]);
  });
}
