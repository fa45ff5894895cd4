import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Answers, newEncodingAesKey } from '../../src/cli/init/answers.js';
import { filesFor } from '../../src/cli/init/files.js';
import { wordsOf } from '../../src/cli/words/index.js';
import { readConfig } from '../../src/config/settings.js';
import { loadSource } from '../../src/replies/open.js';
import { startSimulator } from '../../src/simulator/index.js';
import { runInProcess } from '../support/command-line.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { scratchDirectory } from '../support/temporary-directory.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  return () => database.drop();
});

const appId = 'wx0123456789abcdef';
const yes = ['--yes', '--app-id', appId];

/** Without the doctor, unless the test is about it. */
async function init(
  args: readonly string[],
  { folder = scratchDirectory(), settings = {}, input = '' }: InitOptions = {},
) {
  const outcome = await runInProcess(['init', folder, ...args], settings, { input });
  const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
  return { ...outcome, folder, read, exists: (name: string) => existsSync(path.join(folder, name)) };
}

interface InitOptions {
  folder?: string;
  settings?: Record<string, string>;
  input?: string;
}

describe('with --yes', () => {
  test('an AppID is all that it takes: the rest is by default, and can be started with', async () => {
    const done = await init([...yes, '--no-check'], { settings: { WECHAT_APP_SECRET: 'shh' } });
    expect(done).toMatchObject({ code: 0, err: '' });
    const settings = parseEnv(done.read('.env'));
    expect(settings).toMatchObject({
      WECHAT_APP_ID: appId,
      WECHAT_APP_SECRET: 'shh',
      WECHAT_TOKEN: expect.stringMatching(/^[0-9a-f]{32}$/),
      REPLIES: './rules.yaml',
    });
    expect(settings).not.toHaveProperty('WECHAT_ENCODING_AES_KEY');
    expect(readConfig(settings).accounts).toMatchObject([{ appId, replies: ['./rules.yaml'] }]);
    expect(done.out).toContain(`Token            ${settings.WECHAT_TOKEN}`);
    // What goes over the terminal may stay on a screen.
    expect(done.out).not.toContain('shh');
    expect(statSync(path.join(done.folder, '.env')).mode & 0o777).toBe(0o600);
    expect(done.read('.gitignore')).toContain('.env\n');
  });

  test('a verified account has secure mode, with a key that is made', async () => {
    const { code, read, out } = await init([
      ...yes,
      ...['--no-check', '--kind', 'verified', '--public-url', 'https://bot.example.com/'],
    ]);
    expect(code).toBe(0);
    const settings = parseEnv(read('.env'));
    expect(settings).toMatchObject({
      WECHAT_ENCODING_AES_KEY: expect.stringMatching(/^[A-Za-z0-9]{43}$/),
      WECHAT_REQUIRE_ENCRYPTION: 'true',
    });
    expect(out).toContain('安全模式');
    expect(out).toMatch(/URL +https:\/\/bot\.example\.com\/+wechat/);
    expect(() => readConfig({ ...settings, WECHAT_APP_SECRET: 'later' })).not.toThrow();
  });

  test.each([
    [['--yes'], '--app-id'],
    [[...yes, '--replies', 'http'], '--replies-url'],
    [[...yes, '--database', 'url'], 'DATABASE_URL'],
    [['--yes', '--app-id', 'no such'], 'AppID'],
    [['--password-stdin'], '--yes'],
  ])('%j says what is wanting, and writes nothing', async (args, wanted) => {
    const { code, err, exists } = await init([...args, '--no-check']);
    expect(code).toBe(2);
    expect(err).toContain(wanted);
    expect(exists('.env')).toBe(false);
  });

  test('writes over nothing, but with --overwrite', async () => {
    const folder = scratchDirectory();
    writeFileSync(path.join(folder, 'rules.yaml'), 'mine');
    writeFileSync(path.join(folder, '.gitignore'), 'mine');
    const refused = await init([...yes, '--no-check'], { folder });
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('rules.yaml') });
    expect([refused.read('rules.yaml'), refused.exists('.env')]).toEqual(['mine', false]);
    const done = await init([...yes, '--no-check', '--overwrite'], { folder });
    expect(done.code).toBe(0);
    expect(done.read('rules.yaml')).not.toBe('mine');
    // What it leaves out is not ours to decide.
    expect(done.read('.gitignore')).toBe('mine');
  });

  test('an open .env that is written over is closed', async () => {
    const folder = scratchDirectory();
    writeFileSync(path.join(folder, '.env'), 'X=1', { mode: 0o644 });
    await init([...yes, '--no-check', '--overwrite'], { folder });
    expect(statSync(path.join(folder, '.env')).mode & 0o777).toBe(0o600);
  });

  test('a secret that stays in the environment is written nowhere', async () => {
    const { read } = await init([...yes, '--no-check', '--secret', 'environment'], {
      settings: { WECHAT_APP_SECRET: 'shh' },
    });
    expect(read('.env')).not.toContain('shh');
    expect(read('docker-compose.yml')).toMatch(/WECHAT_APP_SECRET: \$\{WECHAT_APP_SECRET:\?\}/);
  });

  test('speaks Chinese where the reader does', async () => {
    const { out, read } = await init([...yes, '--no-check'], { settings: { WECHAT_OUTBOX_LANG: 'zh-CN' } });
    expect(out).toContain('接下来');
    expect(read('.env')).toContain('里面有密钥');
  });
});

describe('with answers', () => {
  const answers = (lines: readonly string[]) => `${lines.join('\n')}\n`;
  // Kind, AppID, where the secret is, secret, token, address, database, replies, layout, console.
  const all = ['1', appId, '1', 'shh', '', '', '1', '2', '1', ''];

  test('by a pipe it asks for all of it, and takes Enter for the default', async () => {
    const done = await init(['--no-check'], { input: answers(all) });
    expect(done.code).toBe(0);
    expect(parseEnv(done.read('.env'))).toMatchObject({ WECHAT_APP_SECRET: 'shh', REPLIES: './replies.mjs' });
    expect(done.err).toContain('Which account is it?');
    expect(done.err).not.toContain('shh');
  });

  test('what is said by flags is not asked for', async () => {
    const args = [
      '--no-check',
      '--kind',
      'verified',
      '--app-id',
      appId,
      '--secret',
      'file',
      '--replies',
      'rules',
    ];
    const done = await init(args, { input: answers(['shh', '', '1', '', '', '1', '1', '']) });
    expect(done).toMatchObject({ code: 0 });
    expect(done.err).not.toContain('AppID');
  });

  test('answers that end too early, or are wrong, write nothing', async () => {
    const short = await init(['--no-check'], { input: answers(all.slice(0, 5)) });
    expect(short).toMatchObject({ code: 2, err: expect.stringContaining('ended before the questions') });
    const wrong = await init(['--no-check'], { input: answers(['7', ...all]) });
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('a number from 1 to 2') });
    expect([short.exists('.env'), wrong.exists('.env')]).toEqual([false, false]);
  });

  test('asks about each file that is there', async () => {
    const folder = scratchDirectory();
    writeFileSync(path.join(folder, 'replies.mjs'), 'mine');
    writeFileSync(path.join(folder, 'docker-compose.yml'), 'mine');
    const done = await init(['--no-check'], { folder, input: answers([...all, 'y', 'n', '']) });
    expect(done.code).toBe(0);
    expect([done.read('replies.mjs') === 'mine', done.read('docker-compose.yml')]).toEqual([false, 'mine']);
  });
});

test('the doctor looks at what was written, on a database that is ready, with a user of the console', async () => {
  const account = { appId, appSecret: 'shh', token: 'testtoken' };
  const simulator = await startSimulator({ account });
  const settings = {
    ...{ DATABASE_URL: database.url, WECHAT_API_BASE: simulator.apiBase },
    ...{ WECHAT_APP_SECRET: 'shh', WECHAT_TOKEN: 'testtoken', PORT: '9' },
  };
  try {
    const args = [...yes, '--database', 'url', '--console-user', 'mei', '--password-stdin'];
    const { code, out } = await init(args, { settings, input: 'correct horse battery staple\n' });
    expect(out).toMatch(/ok +settings/);
    expect(out).toMatch(/ok +migrations/);
    expect(out).toMatch(/ok +token/);
    expect(code).toBe(0);
    const users = await database.rows<{ name: string; role: string }>(
      'select name, role from wechat.console_user',
    );
    expect(users).toEqual([{ name: 'mei', role: 'admin' }]);
  } finally {
    await simulator.close();
  }
});

test('what is wrong is told by the doctor, and the files stay', async () => {
  const settings = { DATABASE_URL: 'postgres://x:y@127.0.0.1:9/none', WECHAT_API_BASE: 'http://127.0.0.1:9' };
  const { code, out, exists } = await init([...yes, '--database', 'url'], { settings });
  expect(out).toMatch(/fail +settings .*WECHAT_APP_SECRET is missing/);
  expect(out).toMatch(/fail +database/);
  expect([code, exists('.env')]).toEqual([0, true]);
});

describe('the files', () => {
  const base: Answers = {
    ...{ kind: 'verified', appId, appSecret: 'shh', secret: 'file', token: 'testtoken', mode: 'secure' },
    ...{ encodingAesKey: newEncodingAesKey(), publicUrl: 'https://bot.example.com', layout: 'env' },
    ...{
      database: 'embedded',
      databaseUrl: '',
      replies: 'rules',
      repliesUrl: '',
      modelKey: '',
      consoleUser: '',
    },
  };
  const options = { version: '1.2.3', words: wordsOf('en') };

  const written = (answers: Answers) => {
    const folder = scratchDirectory();
    const files = filesFor(answers, options);
    mkdirSync(folder, { recursive: true });
    for (const { name, text } of files) writeFileSync(path.join(folder, name), text);
    const { text = '' } = files.find(({ name }) => name === '.env') ?? {};
    const settings = parseEnv(text);
    const { ACCOUNTS_FILE: accounts } = settings;
    return {
      folder,
      files,
      settings,
      config: () =>
        readConfig({ ...settings, ...(accounts ? { ACCOUNTS_FILE: path.join(folder, accounts) } : {}) }),
    };
  };

  test.each(['env', 'yaml', 'json'] as const)('describe the account in %s as it was answered', (layout) => {
    const { config, files } = written({ ...base, layout });
    expect(config().accounts).toMatchObject([
      {
        ...{ appId, appSecret: 'shh', token: 'testtoken', encodingAesKeys: [base.encodingAesKey] },
        ...{ requireEncryption: true, publicUrl: 'https://bot.example.com' },
        replies: [expect.stringMatching(/rules\.yaml$/)],
      },
    ]);
    for (const { text, isSecret } of files) if (!isSecret) expect(text).not.toContain('shh');
  });

  test.each(['rules', 'code', 'model'] as const)('answer by %s that can be loaded', async (replies) => {
    const answers = { ...base, replies, repliesUrl: 'https://models.example.com/v1', modelKey: 'key' };
    const { folder, settings, files } = written(answers);
    const [kind = '', file = ''] = (settings.REPLIES ?? '').split(/(?<=model:)|(?=\.\/)/);
    const name = path.basename(file || kind);
    expect(files.map((one) => one.name)).toContain(name);
    const entry = `${replies === 'model' ? 'model:' : ''}${path.join(folder, name)}`;
    // It imports the package, which is not installed in that folder.
    if (replies === 'code')
      return expect(files.find((one) => one.name === name)?.text).toContain("from 'wechat-outbox'");
    const http = {
      ...{ timeoutMs: 1, allowPrivateAddresses: false, turns: 0, callbackUrl: undefined, callbackWaitMs: 1 },
      secrets: [],
    };
    const loaded = await loadSource(entry, { http, environment: settings, replyTimeoutMs: 60_000 });
    expect(loaded.name).toContain(name);
  });

  test.each([
    ['https://shop.example.com/reply', undefined],
    ['http://127.0.0.1:8000/reply', 'true'],
  ])('a back end at %s has a secret of its own', (repliesUrl, isPrivate) => {
    const { settings, config } = written({ ...base, replies: 'http', repliesUrl });
    expect(settings.REPLIES_HTTP_PRIVATE).toBe(isPrivate);
    expect(config().accounts[0].httpReplySecrets).toEqual([settings.REPLIES_HTTP_SECRET]);
  });

  test.each([
    ['embedded', undefined, ['postgres', 'service']],
    ['compose', 'postgres://wechat:PASSWORD@127.0.0.1:5432/wechat', ['postgres', 'service']],
    ['url', 'postgres://me:p%40ss@db.example.com/wechat', ['service']],
  ] as const)('of the database %s are right for Compose, too', (database, url, services) => {
    const answers = { ...base, database, databaseUrl: 'postgres://me:p%40ss@db.example.com/wechat' };
    const { config, settings, files } = written(answers);
    const expected = url?.replace('PASSWORD', settings.POSTGRES_PASSWORD ?? '');
    expect(config().databaseUrl).toBe(expected);
    const compose = parse(files.find(({ name }) => name === 'docker-compose.yml')?.text ?? '') as {
      services: Record<
        string,
        { build?: { dockerfile_inline: string }; volumes?: string[]; healthcheck?: { test: string[] } }
      >;
    };
    expect(Object.keys(compose.services)).toEqual(services);
    expect(compose.services.service?.build?.dockerfile_inline).toContain('wechat-outbox@1.2.3');
    expect(compose.services.service?.volumes).toEqual(['./rules.yaml:/app/rules.yaml:ro']);
    expect(compose.services.service?.healthcheck?.test.at(-1)).toContain('127.0.0.1:3001/readyz');
  });

  test.each(['plain', 'a b#c', "it's", 'dollar$sign', 'back\\slash'])('hold the secret %s', (appSecret) => {
    expect(written({ ...base, appSecret }).settings.WECHAT_APP_SECRET).toBe(appSecret);
  });

  test('refuse a secret that two readers would read differently', () => {
    expect(() => written({ ...base, appSecret: `it's "$5"` })).toThrow('WECHAT_APP_SECRET_FILE');
  });
});
