import { expect, test } from 'vitest';
import { runProgram } from '../support/processes.js';
import { waitFor } from '../support/wait.js';
import { root } from './pages.js';

test('the stub of the example remembers a name by what it is sent, at once and as a stream', async () => {
  const stub = runProgram(`${root}docs/examples/model/stub.mjs`, { PORT: '0' });
  const address = await waitFor('its address', () => stub.lines[0]);
  const ask = async (stream: boolean, ...said: string[]) => {
    const messages = said.map((content) => ({ role: 'user', content }));
    const body = JSON.stringify({ model: 'stub', stream, messages });
    return (await fetch(`${address}/chat/completions`, { method: 'POST', body })).text();
  };
  const contentOf = (response: string) => JSON.parse(response).choices[0].message.content as string;
  expect(contentOf(await ask(false, '我叫小明', '我叫什么？'))).toBe('您叫小明。');
  expect(contentOf(await ask(false, '我叫什么？'))).toContain('还没有');
  expect(contentOf(await ask(false, '你好', '再见'))).toContain('第 2 句话');
  const streamed = await ask(true, '我叫小明');
  const parts = streamed
    .split('\n\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)));
  expect(parts.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(
    '您好，**小明**！我记住了。',
  );
  expect(parts.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  expect(streamed.trimEnd().endsWith('data: [DONE]')).toBe(true);
});
