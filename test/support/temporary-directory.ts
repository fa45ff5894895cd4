import { chmod, mkdtemp } from 'node:fs/promises';

/** As root, Postgres runs as another user, who must be able to reach the folder. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp('/var/tmp/wechat-outbox-test-');
  await chmod(directory, 0o755);
  return directory;
}
