import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePorts } from '../free-ports.ts';
import { type Ended, LateError, runToEnd } from './command.ts';
import { type Packed, pack } from './pack.ts';

/**
 * `npm run package:try`: what npm packs is installed from the registry into an empty folder, and used there as somebody would who
 * never saw this repository. Takes a minute or two; ends with 1 at the first thing that is not as it should be.
 */

const root = path.resolve(import.meta.dirname, '../..');
/** Of one command that runs here. */
const stepMs = 120_000;
/** Where the way to the registry stands still, npm may wait for longer than anybody does; what it has by then is in its cache. */
const installMs = 150_000;
const installTries = 3;

interface Folder {
  at: string;
  /** Of nothing but PATH and HOME: no setting of whoever runs this. */
  environment: Record<string, string>;
}

async function step<T>(title: string, run: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  process.stdout.write(`${title} … `);
  const result = await run();
  process.stdout.write(`${((performance.now() - startedAt) / 1_000).toFixed(1)} s\n`);
  return result;
}

function expect(is: boolean, what: string, seen: unknown = ''): void {
  if (!is) throw new Error(`${what}\n${String(seen)}`);
}

/** @throws Error with all that it printed, where it ends with anything but 0 */
async function run(
  { at, environment }: Folder,
  command: string,
  args: readonly string[],
  { settings = {}, timeoutMs = stepMs }: { settings?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Ended> {
  const ended = await runToEnd(command, args, {
    at,
    environment: { ...environment, ...settings },
    timeoutMs,
  });
  const { code, stdout, stderr } = ended;
  expect(code === 0, `${command} ${args.join(' ')} ended with ${code}`, `${stdout}${stderr}`);
  return ended;
}

/** With lines on its standard input, which is no terminal. */
async function runWithInput(
  { at, environment }: Folder,
  args: readonly string[],
  { input, settings }: { input: string; settings: Record<string, string> },
): Promise<{ code: number | null; output: string }> {
  const around = { ...environment, ...settings };
  const { code, stdout, stderr } = await runToEnd('npx', args, {
    ...{ at, environment: around, input, timeoutMs: stepMs },
  });
  return { code, output: `${stdout}${stderr}` };
}

const emptyFolder = async (packed: Packed, name: string): Promise<Folder> => {
  const at = path.join(packed.folder, name);
  await mkdir(at);
  // As root, the embedded PostgreSQL runs as another user.
  for (const folder of [packed.folder, at]) await chmod(folder, 0o755);
  const { PATH = '', HOME = '' } = process.env;
  return { at, environment: { PATH, HOME, LANG: 'C.UTF-8', npm_config_update_notifier: 'false' } };
};

async function install(folder: Folder, packed: Packed): Promise<void> {
  await writeFile(path.join(folder.at, 'package.json'), '{ "private": true, "type": "module" }\n');
  const development = ['typescript@5', '@types/node@22'];
  // The install scripts of dependencies do not run, as some registries and package managers have it.
  const flags = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--fetch-retries',
    '1',
    '--fetch-timeout',
    '60000',
    '--prefer-offline',
  ];
  // Here alone with what is around: the way to the registry may need a proxy or a certificate.
  const around = process.env as Record<string, string>;
  const args = ['install', ...flags, packed.tarball, ...development];
  for (let tries = 1; ; tries += 1) {
    try {
      await run(folder, 'npm', args, { settings: around, timeoutMs: installMs });
      return;
    } catch (error) {
      if (tries >= installTries || !(error instanceof LateError)) throw error;
      process.stdout.write('once more … ');
      await rm(path.join(folder.at, 'node_modules'), { recursive: true, force: true });
    }
  }
}

const program = `import { createRouter, text, type Replies } from 'wechat-outbox';
import { startWeChat, type TestUser, type TestWeChat } from 'wechat-outbox/testing';

const router = createRouter()
  .subscribe(({ message }) => \`welcome \${message.scene ?? ''}\`)
  .text(/^order (\\d+)$/, (_context, match) => text(match?.[1] ?? ''));
export const replies: Replies = (context) => router.answer(context);
const wechat: TestWeChat = await startWeChat();
const user: TestUser = wechat.user();
console.log(typeof user.openid, Object.keys(wechat.settings).includes('WECHAT_API_BASE'));
await wechat.stop();
`;

async function tryTypes(folder: Folder): Promise<void> {
  await writeFile(path.join(folder.at, 'program.ts'), program);
  const common = ['--noEmit', '--strict', '--target', 'es2023', '--types', 'node', 'program.ts'];
  for (const [module, resolution] of [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const)
    await run(folder, 'npx', ['tsc', '--module', module, '--moduleResolution', resolution, ...common]);
  await run(folder, 'npx', [
    'tsc',
    '--module',
    'node16',
    '--outDir',
    'built',
    '--strict',
    '--target',
    'es2023',
    '--types',
    'node',
    'program.ts',
  ]);
  const { stdout } = await run(folder, 'node', ['built/program.js']);
  expect(stdout.trim() === 'string true', 'the compiled program prints what it should', stdout);
}

async function tryInit(folder: Folder): Promise<Record<string, string>> {
  const settings = {
    WECHAT_APP_SECRET: 'simulated',
    WECHAT_TOKEN: 'testtoken',
    WECHAT_API_BASE: 'http://127.0.0.1:9',
  };
  const appId = 'wx0123456789abcdef';
  const first = await run(folder, 'npx', ['wechat-outbox', 'init', 'flags', '--yes', '--app-id', appId], {
    settings,
  });
  expect(/ok +settings/.test(first.stdout), 'the doctor finds the settings complete', first.stdout);
  expect(/ok +migrations/.test(first.stdout), 'the embedded PostgreSQL is made ready', first.stdout);
  const { mode } = await stat(path.join(folder.at, 'flags/.env'));
  expect((mode & 0o777) === 0o600, 'nobody else may read .env');
  // Kind, AppID, where the secret is, address, database, replies, layout, console: the rest is in the environment.
  const input = `${['1', appId, '1', '', '1', '2', '1', ''].join('\n')}\n`;
  const second = await runWithInput(folder, ['wechat-outbox', 'init', '--no-check'], { input, settings });
  expect(second.code === 0, 'init by a pipe ends well', second.output);
  const { code } = await runWithInput(
    folder,
    ['wechat-outbox', 'init', '--yes', '--app-id', appId, '--no-check'],
    {
      ...{ input: '', settings },
    },
  );
  expect(code === 2, 'what is there is not written over');
  return settings;
}

/** The files that init wrote, with a simulated WeChat that the package brings: a message comes in, an answer goes out. */
async function tryStart(folder: Folder): Promise<void> {
  await writeFile(path.join(folder.at, 'try.mjs'), conversation);
  const port = await freePorts(2);
  const settings = { PORT: String(port), ADMIN_PORT: String(port + 1) };
  const { stdout } = await run(folder, 'node', ['try.mjs'], { settings });
  expect(stdout.includes('欢迎关注！'), 'the service answers with the replies that init wrote', stdout);
}

const conversation = `import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startWeChat } from 'wechat-outbox/testing';

const wechat = await startWeChat({ appId: 'wx0123456789abcdef' });
const service = spawn('node', ['node_modules/wechat-outbox/dist/cli/main.js', 'start'], {
  env: { ...process.env, ...wechat.settings },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let log = '';
const ended = once(service, 'exit');
try {
  await new Promise((resolve, reject) => {
    service.stdout.on('data', (chunk) => {
      log += chunk;
      if (log.includes('"event":"started"')) resolve();
    });
    ended.then(() => reject(new Error(log)));
  });
  wechat.connect(\`http://127.0.0.1:\${process.env.PORT}/wechat\`);
  const user = wechat.user();
  await user.subscribe();
  const [reply] = await user.waitForReplies(1);
  console.log(reply.text);
} finally {
  service.kill('SIGTERM');
  await ended;
  await wechat.stop();
}
`;

async function tryExample(folder: Folder): Promise<void> {
  const examples = path.join(folder.at, 'node_modules/wechat-outbox/docs/examples/testing');
  for (const file of ['replies.mjs', 'replies.test.mjs'])
    await writeFile(path.join(folder.at, file), await readFile(path.join(examples, file)));
  await run(folder, 'node', ['--test', 'replies.test.mjs']);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const packed = await pack(root);
try {
  const folder = await emptyFolder(packed, 'app');
  await step('install from the registry, without install scripts', () => install(folder, packed));
  await step('npx wechat-outbox --version', async () => {
    const { stdout } = await run(folder, 'npx', ['wechat-outbox', '--version']);
    expect(stdout.trim() === packed.version, 'it says its version', stdout);
  });
  await step('npx wechat-outbox demo --once', async () => {
    const { stdout } = await run(folder, 'npx', ['wechat-outbox', 'demo', '--once']);
    expect(stdout.includes('Every message was answered'), 'the demo plays to its end', stdout);
  });
  await step('npx wechat-outbox init', () => tryInit(folder));
  await step('start, with what init wrote', () => tryStart(folder));
  await step('types for Node16, NodeNext and bundlers; what they compile to runs', () => tryTypes(folder));
  await step('the example of wechat-outbox/testing', () => tryExample(folder));
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await packed.remove();
}
