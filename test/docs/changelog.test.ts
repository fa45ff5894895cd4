import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from './pages.js';

const text = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

/** Source: keepachangelog.com 1.1.0. */
const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];

test('the changelog is as Keep a Changelog has it, and has a section of this version', () => {
  const [unreleased, ...released] = [...text.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title);
  expect(unreleased).toBe('[Unreleased]');
  for (const title of released) expect(title).toMatch(/^\[\d+\.\d+\.\d+(-\w+\.\d+)?\] - \d{4}-\d{2}-\d{2}$/);
  expect(released[0]).toContain(`[${version}]`);
  for (const [, kind = ''] of text.matchAll(/^### (.*)$/gm)) expect(kinds).toContain(kind);
});
