import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { request } from 'undici';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/simulator/phone/contract.js';
import { runInProcess } from '../support/command-line.js';
import { runCommand } from '../support/processes.js';
import { scratchDirectory } from '../support/temporary-directory.js';

const settings = {
  WECHAT_APP_ID: 'wx1',
  WECHAT_APP_SECRET: 'secret',
  WECHAT_TOKEN: 'token',
  PUBLIC_URL: 'https://static.example.com',
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function menuFile(text: string): string {
  const file = path.join(scratchDirectory(), 'menu.json');
  writeFileSync(file, text);
  return file;
}

test('simulate --phone serves the page with the menu of a file, until Ctrl-C', async () => {
  const port = await freePort();
  const menu = menuFile('{"button":[{"name":"Hours","type":"click","key":"HOURS"}]}');
  const command = runCommand(
    ['simulate', '--phone', '--port', String(port), '--menu', menu, '--url', 'http://127.0.0.1:9/wechat'],
    settings,
  );
  await expect.poll(() => command.lines.join('\n'), { timeout: 20_000 }).toContain('Ctrl-C');
  const said = command.lines.join('\n');
  expect(said).toContain(`http://127.0.0.1:${port}/phone/`);
  expect(said).toContain(`WECHAT_API_BASE=http://127.0.0.1:${port}`);
  const state = await request(`http://127.0.0.1:${port}/phone/api/state`);
  expect(((await state.body.json()) as Snapshot).accounts).toEqual([
    { appId: 'wx1', name: 'wx1', menu: [{ name: 'Hours', type: 'click', key: 'HOURS' }] },
  ]);
  const page = await request(`http://127.0.0.1:${port}/phone/`);
  expect(await page.body.text()).toContain('<div id="app">');
  command.child.kill('SIGINT');
  expect(await command.exited).toBe(0);
});

test.each([
  [[], /--text or --phone/],
  [['--phone', '--text', 'hi'], /--text or --phone/],
  [['--text', 'hi', '--port', '3010'], /are for --phone/],
  [['--phone', '--port', 'x'], /port/],
])('simulate %j is refused with exit code 2', async (flags, message) => {
  const { code, err } = await runInProcess(['simulate', ...flags], settings);
  expect(err).toMatch(message);
  expect(code).toBe(2);
});

test.each(['{"button":[]}', '{"button":[{"name":""}]}', 'no JSON'])(
  'a menu of %s is refused',
  async (text) => {
    const flags = ['--phone', '--menu', menuFile(text)];
    const { code, err } = await runInProcess(['simulate', ...flags], settings);
    expect(err).toMatch(/is no menu/);
    expect(code).toBe(2);
  },
);
