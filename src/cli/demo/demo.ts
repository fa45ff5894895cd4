import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { type Config, readConfig } from '../../config/settings.js';
import { createLink, linkUrl } from '../../console/server/sign-in/links.js';
import { startEmbeddedPostgres } from '../../db/embedded.js';
import { UnknownMigrationsError } from '../../db/migrate.js';
import { createPool, type Pool } from '../../db/pool.js';
import { createLogger } from '../../observe/log.js';
import type { LoadedSource } from '../../replies/source.js';
import { loadAll } from '../../service/load-sources.js';
import { type App, startApp } from '../../service/service.js';
import { startSimulator } from '../../simulator/index.js';
import { consoleOf } from '../start/console.js';
import type { CommandContext, Environment } from '../terminal/context.js';
import { readVersion } from '../terminal/version.js';
import { chat } from './chat.js';
import { settingsOfReplies } from './own-replies.js';
import { accountName, play, type Stage, userNameOf } from './play.js';
import { createScreen } from './screen.js';

const account = { appId: 'wx0000000000demo', appSecret: 'simulated-secret', token: 'demotoken' };
const publicUrl = 'https://static.example.com';
const consolePath = '/console';

export interface DemoOptions {
  /** Ends when every reply has arrived; with replies of one's own, when they are loaded and the service runs. */
  once: boolean;
  /** As the setting REPLIES; undefined: the default replies, and a play that shows them. */
  replies: string | undefined;
}

/**
 * `wechat-outbox demo`: the real service on a PostgreSQL of its own, with a simulated WeChat on loopback.
 *
 * Ends the process, with code 1 when a reply is missing, or one arrived twice.
 */
export async function demo(context: CommandContext, { once, replies }: DemoOptions): Promise<void> {
  const { host, out, words } = context;
  const environment = context.environment();
  const screen = createScreen(out, {
    colours: Boolean(out.isTTY && !environment.NO_COLOR),
    words: words.demo,
  });
  const own = replies === undefined ? {} : settingsOfReplies(replies, environment);
  // What is wrong with them is told before anything starts.
  const checked = demoConfig('http://127.0.0.1', own);
  const sources = (await loadAll(checked, environment))(checked.accounts[0]);
  const dataDir = path.join(environment.DATA_DIR || '.data', 'demo');
  mkdirSync(dataDir, { recursive: true });
  const signal = host.untilSignal(() => host.exit(1));

  screen.note(words.demo.starting(dataDir));
  const set = await setStage(dataDir, screen, { own, sources });
  let isComplete = true;
  try {
    const { stage, places } = await set.open();
    if (replies !== undefined) screen.note(words.demo.own(sources.map(({ name }) => name).join(', ')));
    const played = replies === undefined ? play(stage, words.demo) : Promise.resolve(undefined);
    // Ctrl-C in the middle of the play ends it, too.
    const result = await Promise.race([played, signal.then(() => 'interrupted' as const)]);
    if (result === 'interrupted') {
      played.catch(() => undefined);
    } else {
      isComplete = result ?? true;
      if (result !== undefined) screen.summary(result);
      if (!once) {
        screen.tour(places);
        chat(stage, context.input());
        await signal;
      }
    }
  } catch (error) {
    // What is said elsewhere, to drop schemas of this database, is no help: it runs for as long as the demo does.
    if (!(error instanceof UnknownMigrationsError)) throw error;
    throw new Error(words.demo.ofEarlierState(dataDir), { cause: error });
  } finally {
    screen.note(words.demo.stopping);
    await set.strike();
  }
  host.exit(isComplete ? 0 : 1);
}

/** Postgres and the simulated WeChat; `open` starts the service between them, `strike` stops all there is. */
async function setStage(
  dataDir: string,
  screen: Stage['screen'],
  { own, sources }: { own: Environment; sources: readonly LoadedSource[] },
) {
  const postgres = await startEmbeddedPostgres({ dataDir });
  const simulator = await startSimulator({
    account,
    phone: { accountNames: { [account.appId]: accountName }, userNameOf },
  });
  const pool = createPool({
    connectionString: postgres.url,
    name: 'demo',
    max: 2,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
  const logFile = path.join(dataDir, 'service.log');
  let app: App | undefined;
  return {
    async open() {
      app = await startService(postgres.url, demoConfig(simulator.apiBase, own), { sources, logFile });
      const { adminPort, webhookPort = 0 } = app;
      simulator.setWebhookUrl(`http://127.0.0.1:${webhookPort}/wechat`);
      const { phoneUrl = '' } = simulator;
      const console = await consoleLink(pool, adminPort);
      const places = { databaseUrl: postgres.url, adminPort, webhookPort, logFile, phone: phoneUrl, console };
      return { stage: { simulator, pool, screen }, places };
    },
    async strike() {
      await app?.stop();
      await simulator.close();
      await pool.end();
      await postgres.stop();
    },
  };
}

/** Signs an admin in, once: whoever sees this terminal may do all there is. */
async function consoleLink(pool: Pool, adminPort: number): Promise<string> {
  const token = await createLink(pool, { name: 'demo', whileNoUser: false });
  return linkUrl(`http://127.0.0.1:${adminPort}${consolePath}`, token);
}

function demoConfig(apiBase: string, own: Environment): Config {
  return readConfig({
    ...own,
    PORT: '0',
    HOST: '127.0.0.1',
    ADMIN_PORT: '0',
    CONSOLE_PATH: consolePath,
    WECHAT_APP_ID: account.appId,
    WECHAT_APP_SECRET: account.appSecret,
    WECHAT_TOKEN: account.token,
    WECHAT_ACCOUNT_NAME: accountName,
    WECHAT_API_BASE: apiBase,
    PUBLIC_URL: publicUrl,
  });
}

function startService(
  databaseUrl: string,
  config: Config,
  { sources, logFile }: { sources: readonly LoadedSource[]; logFile: string },
): Promise<App> {
  return startApp({
    config,
    databaseUrl,
    console: consoleOf(config.console, readVersion()),
    role: 'all',
    repliesOf: () => sources,
    log: createLogger('info', pino.destination({ dest: logFile, sync: true })),
  });
}
