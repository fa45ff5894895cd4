import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../support/database.js';

/** By the package's own name, and so from dist/: build first. */
test('the example of the pages runs, and passes', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const cwd = path.resolve(import.meta.dirname, '../../docs/examples/testing');
  const env = { ...process.env, DATABASE_URL: database.url, NODE_TEST_CONTEXT: undefined };
  const { stdout } = await promisify(execFile)(
    'node',
    ['--test', '--test-reporter=tap', 'replies.test.mjs'],
    {
      ...{ cwd, env, timeout: 60_000 },
    },
  );
  expect(stdout).toMatch(/# pass 5\n# fail 0/);
}, 90_000);
