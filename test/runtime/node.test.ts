import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string) => JSON.parse(readFileSync(`${root}${file}`, 'utf8'));

/** As npm runs a script: node_modules/.bin is the first entry of PATH, whatever Node runs npm. */
function asScript(command: string): string {
  return execFileSync('npm', ['exec', '--call', command], { cwd: root, encoding: 'utf8' }).trim();
}

test('scripts and the commands that they call run the Node of the dev dependency', () => {
  const { version } = read('node_modules/node/package.json');
  expect(asScript('node --version')).toBe(`v${version}`);
  // A file that starts with "#!/usr/bin/env node", as the bins of packages and our own command do.
  expect(asScript('vitest --version')).toContain(` node-v${version}`);
  expect(readFileSync(`${root}dist/cli/main.js`, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

test('this suite runs on a supported Node', () => {
  const [, oldest = ''] = /^>=(\d+\.\d+)$/.exec(read('package.json').engines.node) ?? [];
  const [oldestMajor = Number.NaN, oldestMinor = Number.NaN] = oldest.split('.').map(Number);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  expect(major * 1_000 + minor).toBeGreaterThanOrEqual(oldestMajor * 1_000 + oldestMinor);
});
