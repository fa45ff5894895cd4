import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConsole } from '../../support/console.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
let webDirectory: string;
const script = `console.log(${'1 + '.repeat(1_000)}1);`;

beforeAll(async () => {
  database = await createTestDatabase();
  webDirectory = await mkdtemp(path.join(tmpdir(), 'console-page-'));
  await mkdir(path.join(webDirectory, 'assets'));
  await writeFile(path.join(webDirectory, 'assets/index-abc123.js'), script);
  await writeFile(path.join(webDirectory, 'icon.svg'), '<svg/>');
  await writeFile(
    path.join(webDirectory, 'index.html'),
    '<!doctype html><html><head><script type="module" src="./assets/index-abc123.js"></script></head></html>',
  );
});
afterAll(async () => {
  await database.drop();
  await rm(webDirectory, { recursive: true });
});

describe('the page', () => {
  test('may run no script but its own files, and is shown in no frame', async () => {
    const console = await startConsole(database, { webDirectory });
    for (const asked of ['', 'api/session', 'assets/index-abc123.js', 'api/link']) {
      const { headers } = await console.visitor().fetch(asked);
      const policy = headers.get('content-security-policy') ?? '';
      const rules = new Map(policy.split('; ').map((rule) => [rule.split(' ')[0], rule]));
      expect(rules.get('default-src')).toBe(`default-src 'none'`);
      expect(rules.get('script-src')).toBe(`script-src 'self'`);
      expect(rules.get('frame-ancestors')).toBe(`frame-ancestors 'none'`);
      expect(rules.get('base-uri')).toBe(`base-uri 'self'`);
      expect(policy).not.toMatch(/unsafe-eval|script[^;]*unsafe-inline|\*/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  test('is kept by browsers where its name says what is in it, and asked for again where not', async () => {
    const console = await startConsole(database, { webDirectory });
    const visitor = console.visitor();
    const asset = await visitor.fetch('assets/index-abc123.js');
    expect(await asset.text()).toBe(script);
    expect(asset.headers.get('content-encoding')).toBe('gzip');
    expect(asset.headers.get('content-type')).toMatch(/javascript/);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const icon = await visitor.fetch('icon.svg');
    expect(icon.headers.get('cache-control')).toBe('no-cache');
    const etag = icon.headers.get('etag') ?? '';
    const known = { 'if-none-match': etag, 'cache-control': 'max-age=0' };
    expect((await visitor.fetch('icon.svg', { headers: known })).status).toBe(304);
    expect((await visitor.fetch('')).headers.get('cache-control')).toBe('no-cache');
    expect((await visitor.get('session')).headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    ['', './'],
    ['messages', './'],
    ['messages/4711', '../'],
    ['conversations/wx1/openid', '../../'],
  ])('at %j finds its files from %j, whatever path a proxy puts before it', async (asked, base) => {
    const console = await startConsole(database, { webDirectory });
    const answer = await console.visitor().fetch(asked);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(`<head><base href="${base}">`);
    const folder = new URL(base, `https://ops.example.com/some/where/console/${asked}`);
    expect(folder.href).toBe('https://ops.example.com/some/where/console/');
  });

  test('has its slash, also behind a proxy', async () => {
    const console = await startConsole(database, { webDirectory });
    const answer = await console.visitor().fetch(`${console.url}?lang=en`);
    expect([answer.status, answer.headers.get('location')]).toEqual([302, 'console/?lang=en']);
  });

  test('may stand elsewhere, and nothing stands beside it', async () => {
    const settings = { CONSOLE_PATH: '/wechat/console' };
    const console = await startConsole(database, { webDirectory, settings });
    const origin = new URL(console.url).origin;
    expect((await console.visitor().fetch(`${origin}/wechat/console/`)).status).toBe(200);
    expect((await console.visitor().fetch(`${origin}/wechat/consoles/`)).status).toBe(404);
    expect((await console.visitor().fetch(`${origin}/console/`)).status).toBe(404);
  });

  test('gives nothing that was not built', async () => {
    const console = await startConsole(database, { webDirectory });
    const { port } = new URL(console.url);
    for (const asked of ['assets/none.js', '..%2f..%2fpackage.json', '%2e%2e/%2e%2e/package.json', 'x.html'])
      expect([400, 404]).toContain(
        (await console.visitor().fetch(`http://127.0.0.1:${port}/console/${asked}`)).status,
      );
    expect((await console.visitor().fetch('messages', { method: 'POST' })).status).toBe(405);
  });

  test('that was not built says what to do', async () => {
    const console = await startConsole(database);
    const answer = await console.visitor().fetch('');
    expect([answer.status, await answer.text()]).toEqual([
      503,
      'The page was not built: run "npm run build".\n',
    ]);
  });
});
