import { expect, onTestFinished, test } from 'vitest';
import { readWordFile } from '../../src/replies/words/word-file.js';
import { createTestDatabase } from '../support/database.js';
import { readPage } from './pages.js';

const files = ['docs/checks.md', 'docs/zh-CN/checks.md'];

const codeOf = (file: string, wanted: string) =>
  readPage(file).blocks.flatMap(({ language, code }) => (language === wanted ? [code] : []));

test.each(files)('the word list of %s is one', (file) => {
  const [source = ''] = codeOf(file, 'yaml');
  const result = readWordFile(source);
  expect(result).toMatchObject({ ok: true });
  if (result.ok)
    expect(new Set(result.categories.map(({ action }) => action))).toEqual(
      new Set(['refuse', 'mask', 'handOver']),
    );
});

test.each(files)('the query of %s runs', async (file) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const queries = codeOf(file, 'sql');
  expect(queries).toHaveLength(1);
  for (const query of queries) await expect(database.rows(query)).resolves.toEqual([]);
});
