import { type Config, readConfig } from '../../config/settings.js';
import { createLogger, type Logger } from '../../observe/log.js';
import { loadAll } from '../../service/load-sources.js';
import { type Role, startApp } from '../../service/service.js';
import { useDatabase } from '../database/in-use.js';
import type { CommandContext, HostProcess } from '../terminal/context.js';
import { readVersion } from '../terminal/version.js';
import { consoleOf } from './console.js';
import { runProcesses } from './processes.js';

/** `wechat-outbox start`: runs until SIGTERM or SIGINT, then stops in good order; as several processes, if so set. */
export async function start({ environment, host }: CommandContext, role: Role): Promise<void> {
  const config = readConfig(environment());
  const log = createLogger(config.logLevel);
  if (config.processes > 1 && !host.parent.isOurs) return startSeveral(config, host, log);
  const toldToStop = host.parent.untilToldToStop();
  const repliesOf = await loadAll(config, environment());
  // From here on a signal must not cut the start short: it is answered once there is something to stop.
  const signal = Promise.race([host.untilSignal(() => quitAtOnce(host, log)), toldToStop]);
  const giveUp = new AbortController();
  signal.then(() => giveUp.abort());
  const database = await useDatabase(config, log);
  try {
    const app = await startApp({
      config,
      databaseUrl: database.url,
      role,
      repliesOf,
      log,
      console: consoleOf(config.console, readVersion()),
      giveUp: giveUp.signal,
    }).catch((error) => {
      // Told to stop while it waited for the database.
      if (!giveUp.signal.aborted) throw error;
    });
    if (app) host.parent.tellStarted();
    log.info({ event: 'stopping', signal: await signal }, 'stopping');
    await app?.stop();
  } finally {
    await database.release();
  }
  log.info({ event: 'stopped' }, 'stopped');
  // What a handler of the user's left open (a socket, a timer) must not keep the process alive.
  log.flush(() => host.exit(0));
}

/** Each process has an admin port of its own. */
async function startSeveral({ processes, adminPort }: Config, host: HostProcess, log: Logger): Promise<void> {
  const exitCode = await runProcesses({
    count: processes,
    settingsOf: (index) => ({
      ADMIN_PORT: String(adminPort === 0 ? 0 : adminPort + index),
      // Each is one by itself.
      PROCESSES: '1',
      NODE_APP_INSTANCE: '0',
    }),
    host,
    log,
  });
  log.info({ event: 'stopped' }, 'stopped');
  log.flush(() => host.exit(exitCode));
}

/** A second signal: somebody is in a hurry. What is in flight is rescued by others, or at the next start. */
function quitAtOnce(host: HostProcess, log: Logger): void {
  log.warn({ event: 'quit' }, 'second signal: quitting at once');
  host.exit(1);
}
