import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { linkLibraries } from '../../src/db/embedded-binaries.js';
import { scratchDirectory } from '../support/temporary-directory.js';

test('links of libraries that no install script made are made, and those that are there stay', async () => {
  const folder = scratchDirectory();
  const library = path.join(folder, 'native/lib');
  mkdirSync(library, { recursive: true });
  writeFileSync(path.join(library, 'libpq.so.5.18'), 'the library');
  symlinkSync('libpq.so.5.18', path.join(library, 'libpq.so'));
  const links = ['libpq.so', 'libpq.so.5'].map((name) => ({
    source: 'native/lib/libpq.so.5.18',
    target: `native/lib/${name}`,
  }));
  writeFileSync(path.join(folder, 'native/pg-symlinks.json'), JSON.stringify(links));
  for (let times = 0; times < 2; times += 1) await linkLibraries(folder);
  expect(readFileSync(path.join(library, 'libpq.so.5'), 'utf8')).toBe('the library');
  // Beside each other, so that the folder may move.
  expect(readlinkSync(path.join(library, 'libpq.so.5'))).toBe('libpq.so.5.18');
});

test('a package without a list of links needs none', async () => {
  await expect(linkLibraries(scratchDirectory())).resolves.toBeUndefined();
});
