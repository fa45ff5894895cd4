import { mkdtempSync, statfsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const neededBytes = 4 * 2 ** 30;

/** In memory where there is room (a container may have 64 MB): there a database is copied in a tenth of the time. */
function roomiest(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > neededBytes ? '/dev/shm' : '/var/tmp';
  } catch {
    return '/var/tmp';
  }
}

/** As root, Postgres runs as another user, who must be able to reach the folder. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(`${roomiest()}/wechat-outbox-test-`);
  await chmod(directory, 0o755);
  return directory;
}

/** For a test's own small files; it goes with the test. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'wechat-outbox-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
