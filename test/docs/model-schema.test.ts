import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { modelSchema } from '../../src/replies/model/schema.js';
import { firstCellsOf, readPage, root } from './pages.js';

const schema = modelSchema() as { properties: Record<string, unknown> };

test('the JSON Schema of models is that of the shapes', () => {
  const published = readFileSync(path.join(root, 'docs/public/model.schema.json'), 'utf8');
  expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(schema)));
});

test.each(['docs/model.md', 'docs/zh-CN/model.md'])('%s has every entry of the file', (file) => {
  const named = firstCellsOf(readPage(file).prose);
  expect(Object.keys(schema.properties).filter((name) => !named.includes(name))).toEqual([]);
});
