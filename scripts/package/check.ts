import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { type Packed, pack } from './pack.ts';

/** `npm run package:check`: what would be published, looked at as npm packs it. Ends with 1 where something is wrong. */

const exec = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** More means that something came in that does not belong there; raise it when something did that does. */
const most = { packedBytes: 2_000_000, unpackedBytes: 8_000_000 };

const wanted = [
  ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', '.env.example'],
  ...['dist/index.js', 'dist/index.d.ts', 'dist/testing/index.js', 'dist/testing/index.d.ts'],
  ...['dist/cli/main.js', 'dist/console/web/index.html', 'dist/simulator/phone/page/index.html'],
  ...['dist/console/web/licences.md', 'dist/simulator/phone/page/licences.md'],
  ...['docs/settings.md', 'docs/zh-CN/settings.md', 'docs/public/rules.schema.json'],
  ...readdirSync(path.join(root, 'migrations')).map((file) => `migrations/${file}`),
];

/** Sources, tests, what only we need, and what is nobody's business. */
const unwanted = [
  /^(src|test|scripts|deploy|node_modules|\.github|\.ci|\.data|coverage|bench-results)\//,
  /(?<!\.d)\.ts$/,
  /\.(vue|[jt]s\.map|css\.map|log|tgz|tsbuildinfo)$/,
  /\.(test|spec)\.(?!mjs$)/,
  /(^|\/)\.(?!env\.example$)/,
  /(^|\/)(tsconfig|vitest|vite|biome|knip)[^/]*\.(json|ts|js)$/,
];

/** Files of dist/ that no source makes any more. */
function leftovers({ files }: Packed): string[] {
  return files
    .map((file) => file.path)
    .filter((file) => /^dist\/.*\.js$/.test(file) && !/\/(web|page)\//.test(file))
    .filter((file) => !existsSync(path.join(root, file.replace(/^dist/, 'src').replace(/\.js$/, '.ts'))));
}

function filesProblems(packed: Packed): string[] {
  const names = packed.files.map((file) => file.path);
  return [
    ...wanted.filter((file) => !names.includes(file)).map((file) => `${file} is missing`),
    ...names
      .filter((file) => unwanted.some((pattern) => pattern.test(file)))
      .map((file) => `${file} does not belong there`),
    ...leftovers(packed).map((file) => `${file} has no source: build anew`),
  ];
}

function sizeProblems(packed: Packed): string[] {
  return (['packedBytes', 'unpackedBytes'] as const)
    .filter((size) => packed[size] > most[size])
    .map((size) => `${size}: ${packed[size]} are more than ${most[size]}`);
}

interface Manifest extends Record<string, unknown> {
  dependencies: Record<string, string>;
}

function manifestProblems(manifest: Manifest): string[] {
  const needed = [
    'name',
    'version',
    'description',
    'license',
    'author',
    'keywords',
    'engines',
    'bin',
    'exports',
  ];
  const inside = Object.entries(manifest.dependencies).filter(([, range]) =>
    /^(file|link|git|https?):/.test(range),
  );
  return [
    ...needed.filter((name) => !manifest[name]).map((name) => `package.json has no ${name}`),
    ...(manifest.private ? ['package.json is private'] : []),
    ...inside.map(([name, range]) => `${name}@${range} cannot be had from the registry`),
  ];
}

async function lint(tarball: string, manifest: Record<string, unknown>): Promise<string[]> {
  const bytes = await readFile(tarball);
  const content = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages } = await publint({ pack: { tarball: content }, level: 'warning', strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, manifest) ?? message.code}`);
}

/** Types for Node16 and bundler resolution; what only knows CommonJS has to import it, as Node does. */
async function typesProblems(tarball: string): Promise<string[]> {
  const attw = path.join(root, 'node_modules/.bin/attw');
  const args = [tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color', '--no-emoji'];
  try {
    process.stdout.write((await exec(attw, args)).stdout);
    return [];
  } catch (error) {
    return [`attw: ${(error as { stdout?: string }).stdout ?? String(error)}`];
  }
}

const packed = await pack(root);
try {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as Manifest;
  const kB = (bytes: number) => `${Math.ceil(bytes / 1_000)} kB`;
  process.stdout.write(
    `wechat-outbox ${packed.version}: ${packed.files.length} files, ${kB(packed.packedBytes)}, ${kB(packed.unpackedBytes)} unpacked\n`,
  );
  const problems = [
    ...manifestProblems(manifest),
    ...filesProblems(packed),
    ...sizeProblems(packed),
    ...(await lint(packed.tarball, manifest)),
    ...(await typesProblems(packed.tarball)),
  ];
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await packed.remove();
}
