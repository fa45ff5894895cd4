import type { z } from 'zod';
import type { Proxies } from '../lib/proxies.js';
import type { LogLevel } from '../observe/log.js';
import { defaultWindows } from '../wechat/in/window.js';
import type { IpFamily } from '../wechat/out/http.js';
import type { AccountConfig } from './account.js';
import * as shapes from './account.js';
import { type AccountDefaults, readAccountsFile } from './accounts-file.js';
import { ConfigError } from './config-error.js';
import { type ConsoleConfig, consoleConfig } from './console.js';
import { type Environment, problemsOf, withDatabasePassword, withSecretFiles } from './environment.js';
import { proxiesOf, withProxyNames } from './network.js';
import type { SettingsProblem } from './problem.js';
import { oneAccount, settings } from './schema.js';

export type { AccountConfig } from './account.js';
export { ConfigError } from './config-error.js';

/** Settings of the service, checked and typed. Nothing else reads the environment. */
export interface Config {
  /** Absent: use the embedded PostgreSQL in `dataDir`. */
  databaseUrl?: string | undefined;
  /** Connections to Postgres that one process may have open. */
  databaseConnections: number;
  dataDir: string;
  port: number;
  host: string;
  adminPort: number;
  adminHost: string;
  /** Run by `start`, at one webhook port; the nth has the admin port `adminPort` + n - 1. Under PM2 `adminPort` is that of this one. */
  processes: number;
  /** At least one; the first is served at /wechat as well. */
  accounts: readonly [AccountConfig, ...AccountConfig[]];
  apiBase: string;
  /** Addresses of WeChat's API that are connected to. */
  apiIpFamily: IpFamily;
  /** For calls to WeChat and media; undefined: none. */
  proxies: Proxies | undefined;
  logLevel: LogLevel;
  /** Pushes with an older (or newer) timestamp are refused; 0 turns the check off. */
  maxTimestampAgeSeconds: number;
  /** How long SIGTERM waits for work in flight. */
  shutdownGraceMs: number;
  /** How long the reply logic may take for one message. */
  replyTimeoutMs: number;
  /** What ends a reply that had to be cut. */
  overflowNotice: string;
  /** Texts with which a user hands the conversation back to the replies. */
  handBackWords: readonly string[];
  /** Words that are looked for before replies are sent; undefined: none. */
  wordsFile: string | undefined;
  /** After an agent's last word a conversation is handed back; 0: never. */
  handoverIdleMinutes: number;
  /** Lets media URLs of the reply logic lead to private addresses. */
  mediaFromPrivateAddresses: boolean;
  /** How long a worker must be missing before its work is given away. */
  rescueAfterMs: number;
  /** Messages that may wait for their commit; further pushes are refused at once (503). */
  inboxQueue: number;
  /** Messages that the reply logic works on at once, in one process. */
  replyConcurrency: number;
  /** HTTP calls at once for each account, in one process. */
  sendConcurrency: number;
  /** Settled messages older than so many days are deleted; 0: none ever. */
  retentionDays: number;
  /** Users who unsubscribed so many days ago are forgotten, unless they came back; undefined: nobody is. */
  forgetAfterUnsubscribeDays: number | undefined;
  console: ConsoleConfig;
}

/** How WeChat's API is reached. */
export function apiOptions({ apiBase, apiIpFamily, proxies }: Config): {
  apiBase: string;
  ipFamily: IpFamily;
  proxies: Proxies | undefined;
} {
  return { apiBase, ipFamily: apiIpFamily, proxies };
}

/** With ACCOUNTS_FILE these are each account's own. */
const ownOfAnAccount = Object.keys(oneAccount.shape);

/**
 * Reads and checks the settings.
 *
 * @param environment usually `process.env`; an empty value counts as absent
 * @throws ConfigError naming every problem at once
 */
export function readConfig(environment: Environment): Config {
  const problems: SettingsProblem[] = [];
  const given = withDatabasePassword(withSecretFiles(withProxyNames(environment), problems), problems);
  const parsed = settings.safeParse(given);
  if (!parsed.success) problems.push(...problemsOf(parsed.error, given));
  // Where some are wrong, the accounts are still looked at, by the right ones: all problems are named at once.
  const defaults = accountDefaults(
    parsed.success ? parsed.data : settings.parse(without(given, parsed.error)),
  );
  const accounts = given.ACCOUNTS_FILE
    ? fromFile(given.ACCOUNTS_FILE, given, defaults, problems)
    : fromEnvironment(given, defaults, problems);
  if (parsed.success) checkProcesses(parsed.data, problems);
  const consoleOf = parsed.success ? consoleConfig(parsed.data, problems) : undefined;
  const [first, ...others] = accounts;
  if (problems.length > 0 || !parsed.success || !first || !consoleOf) throw new ConfigError(problems);

  const { data } = parsed;
  return {
    databaseUrl: data.DATABASE_URL,
    databaseConnections: data.DATABASE_CONNECTIONS,
    dataDir: data.DATA_DIR,
    port: data.PORT,
    host: data.HOST,
    adminPort: data.ADMIN_PORT === 0 ? 0 : data.ADMIN_PORT + data.NODE_APP_INSTANCE,
    adminHost: data.ADMIN_HOST,
    processes: data.PROCESSES,
    accounts: [first, ...others],
    apiBase: data.WECHAT_API_BASE,
    apiIpFamily: data.WECHAT_API_IP_FAMILY,
    proxies: proxiesOf(data),
    logLevel: data.LOG_LEVEL,
    maxTimestampAgeSeconds: data.MAX_TIMESTAMP_AGE,
    shutdownGraceMs: data.SHUTDOWN_GRACE * 1000,
    replyTimeoutMs: data.REPLY_TIMEOUT * 1000,
    overflowNotice: data.OVERFLOW_NOTICE,
    handBackWords: data.HANDBACK_WORD,
    wordsFile: data.WORDS_FILE,
    handoverIdleMinutes: data.HANDOVER_IDLE_MINUTES,
    mediaFromPrivateAddresses: data.MEDIA_FROM_PRIVATE_ADDRESSES,
    rescueAfterMs: data.RESCUE_AFTER * 1000,
    inboxQueue: data.INBOX_QUEUE,
    replyConcurrency: data.REPLY_CONCURRENCY,
    sendConcurrency: data.SEND_CONCURRENCY,
    retentionDays: data.RETENTION_DAYS,
    forgetAfterUnsubscribeDays: data.FORGET_AFTER_UNSUBSCRIBE,
    console: consoleOf,
  };
}

function checkProcesses(data: z.infer<typeof settings>, problems: SettingsProblem[]): void {
  const { PROCESSES, NODE_APP_INSTANCE: instance, PORT: webhookPort, ADMIN_PORT: adminPort } = data;
  const count = Math.max(PROCESSES, instance + 1);
  if (count === 1) return;
  const because = instance > 0 ? 'NODE_APP_INSTANCE' : 'PROCESSES';
  if (!data.DATABASE_URL) problems.push({ code: 'severalNeedDatabase', because });
  if (adminPort === 0) return;
  const last = adminPort + count - 1;
  if (last > 65_535) problems.push({ code: 'adminPortsTooHigh', last });
  if (webhookPort >= adminPort && webhookPort <= last)
    problems.push({ code: 'portAmongAdminPorts', port: webhookPort, first: adminPort, last });
}

function without(given: Environment, error: z.ZodError): Environment {
  const wrong = new Set(error.issues.map(({ path }) => path[0]));
  return Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name)));
}

function accountDefaults(data: z.infer<typeof settings>): AccountDefaults {
  return {
    requireEncryption: data.WECHAT_REQUIRE_ENCRYPTION,
    componentAppId: data.WECHAT_COMPONENT_APP_ID,
    cloudHosting: data.WECHAT_CLOUD_HOSTING,
    name: data.WECHAT_ACCOUNT_NAME,
    publicUrl: data.PUBLIC_URL,
    replies: data.REPLIES,
    accessTokenMode: data.ACCESS_TOKEN_MODE,
    onUnknown: data.ON_UNKNOWN,
    onOverflow: data.ON_OVERFLOW,
    ordered: data.ORDERED,
    mergeWithinMs: data.MERGE_WITHIN * 1_000,
    typingIndicator: data.TYPING_INDICATOR,
    sendRate: data.SEND_RATE,
    windows: {
      message: data.WINDOW_MESSAGE ?? defaultWindows.message,
      menu: data.WINDOW_MENU ?? defaultWindows.menu,
      subscribe: data.WINDOW_SUBSCRIBE ?? defaultWindows.subscribe,
      scan: data.WINDOW_SCAN ?? defaultWindows.scan,
    },
    userLimits: data.USER_LIMIT,
    limitNotice: data.LIMIT_NOTICE,
    jsapiOrigins: data.JSAPI_ORIGINS,
  };
}

function fromFile(
  file: string,
  given: Environment,
  defaults: AccountDefaults,
  problems: SettingsProblem[],
): AccountConfig[] {
  for (const name of ownOfAnAccount) {
    if (given[name]) problems.push({ code: 'besideAccountsFile', setting: name });
  }
  const read = readAccountsFile(file, { environment: given, defaults });
  if (read.ok) return read.accounts;
  problems.push(...read.problems);
  return [];
}

/** The short way: one account, in the environment. */
function fromEnvironment(
  given: Environment,
  defaults: AccountDefaults,
  problems: SettingsProblem[],
): AccountConfig[] {
  const parsed = oneAccount.safeParse(given);
  if (!parsed.success) problems.push(...problemsOf(parsed.error, given));
  if (!given.PUBLIC_URL && !given.REPLIES) problems.push({ code: 'noPublicUrl' });
  if (defaults.requireEncryption && !given.WECHAT_ENCODING_AES_KEY) {
    const requiredBy = 'WECHAT_REQUIRE_ENCRYPTION';
    problems.push({ code: 'noKey', where: 'WECHAT_ENCODING_AES_KEY', requiredBy });
  }
  if (shapes.isContradiction(defaults))
    problems.push({ code: 'unsignedAndEncrypted', where: 'WECHAT_CLOUD_HOSTING' });
  if (!parsed.success) return [];
  const { data } = parsed;
  return [
    {
      ...defaults,
      appId: data.WECHAT_APP_ID,
      appSecret: data.WECHAT_APP_SECRET,
      token: data.WECHAT_TOKEN,
      encodingAesKeys: shapes.encodingAesKeys(
        data.WECHAT_ENCODING_AES_KEY,
        data.WECHAT_ENCODING_AES_KEY_PREVIOUS,
      ),
    },
  ];
}

/** The part of the settings that `migrate` needs; it asks for no account. */
export function readDatabaseConfig(
  environment: Environment,
): Pick<Config, 'databaseUrl' | 'dataDir' | 'logLevel'> {
  const problems: SettingsProblem[] = [];
  const given = withDatabasePassword(withSecretFiles(environment, problems), problems);
  const parsed = settings.pick({ DATABASE_URL: true, DATA_DIR: true, LOG_LEVEL: true }).safeParse(given);
  if (!parsed.success) problems.push(...problemsOf(parsed.error, given));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return {
    databaseUrl: parsed.data.DATABASE_URL,
    dataDir: parsed.data.DATA_DIR,
    logLevel: parsed.data.LOG_LEVEL,
  };
}
