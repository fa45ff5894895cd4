import { type Role, startApp } from '../app.js';
import { type Config, readConfig } from '../config.js';
import { createLogger, type Logger } from '../observe/log.js';
import { createDefaultReplies } from '../replies/default-replies.js';
import { loadReplies } from '../replies/load.js';
import type { Replies } from '../replies/router.js';
import { useDatabase } from './database.js';
import { untilSignal } from './signals.js';

/** `wechat-outbox start`: runs until SIGTERM or SIGINT, then stops in good order. */
export async function start({
  role,
  environment,
}: {
  role: Role;
  environment: Record<string, string | undefined>;
}): Promise<void> {
  const config = readConfig(environment);
  const log = createLogger(config.logLevel);
  const replies = await chooseReplies(config);
  // From here on a signal must not cut the start short: it is answered once there is something to stop.
  const signal = untilSignal(() => quitAtOnce(log));
  const database = await useDatabase(config, log);
  try {
    const app = await startApp({ config, databaseUrl: database.url, role, replies, log });
    log.info({ event: 'stopping', signal: await signal }, 'stopping');
    await app.stop();
  } finally {
    await database.release();
  }
  log.info({ event: 'stopped' }, 'stopped');
  // What a handler of the user's left open (a socket, a timer) must not keep the process alive.
  log.flush(() => process.exit(0));
}

async function chooseReplies({ repliesModule, publicUrl, accountName }: Config): Promise<Replies> {
  if (repliesModule) return loadReplies(repliesModule);
  return createDefaultReplies({ publicUrl: publicUrl ?? '', accountName });
}

/** A second signal: somebody is in a hurry. What is in flight is rescued by others, or at the next start. */
function quitAtOnce(log: Logger): void {
  log.warn({ event: 'quit' }, 'second signal: quitting at once');
  process.exit(1);
}
