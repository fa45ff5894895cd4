import { mkdtempSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** As root, Postgres runs as another user, who must be able to reach the folder. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp('/var/tmp/wechat-outbox-test-');
  await chmod(directory, 0o755);
  return directory;
}

/** For a test's own small files; it goes with the test. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'wechat-outbox-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
