import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import { storeYear } from '../support/history.js';
import { runCommand } from '../support/processes.js';
import { scratchDirectory } from '../support/temporary-directory.js';

test('an export takes no more memory for more messages', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await storeYear(database.pool, 'wxexport', 30_000);
  const file = path.join(scratchDirectory(), 'year');
  const command = runCommand(
    ['export', '--since', '400d', '--format', 'ndjson', '--payload', '--output', file],
    { DATABASE_URL: database.url, NODE_OPTIONS: '--max-old-space-size=40' },
    '/',
  );
  const code = await command.exited;
  const err = command.errors.join('\n');
  expect(code, err).toBe(0);
  expect(err).toMatch(/^30,000 messages and/m);
});
