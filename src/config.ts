import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { AppCredentials } from './wechat/client.js';
import { isEncodingAesKey } from './wechat/crypto.js';
import type { EncryptionSettings } from './wechat/envelope.js';

/** Settings of the service, checked and typed. Nothing else reads the environment. */
export interface Config {
  /** Absent: use the embedded PostgreSQL in `dataDir`. */
  databaseUrl?: string | undefined;
  dataDir: string;
  port: number;
  host: string;
  adminPort: number;
  adminHost: string;
  account: AccountConfig;
  apiBase: string;
  publicUrl?: string | undefined;
  accountName: string;
  /** Module whose export `replies` replaces the default replies. */
  repliesModule?: string | undefined;
  logLevel: LogLevel;
  /** Pushes with an older (or newer) timestamp are refused; 0 turns the check off. */
  maxTimestampAgeSeconds: number;
  /** What becomes of an attempt whose outcome cannot be known. */
  onUnknown: 'resend' | 'hold';
  /** How long SIGTERM waits for work in flight. */
  shutdownGraceMs: number;
  /** How long the reply logic may take for one message. */
  replyTimeoutMs: number;
}

export interface AccountConfig extends AppCredentials, EncryptionSettings {}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Every setting that is missing or wrong, each with what to do about it. */
export class ConfigError extends Error {
  readonly code = 'CONFIG';
  constructor(readonly problems: readonly string[]) {
    super(`The settings need attention:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

const secretNames = [
  'DATABASE_URL',
  'WECHAT_APP_SECRET',
  'WECHAT_TOKEN',
  'WECHAT_ENCODING_AES_KEY',
  'WECHAT_ENCODING_AES_KEY_PREVIOUS',
] as const;

const port = z.coerce.number({ error: 'must be a port number, 0 to 65535' }).int().min(0).max(65_535);

const seconds = (fallback: number) =>
  z.coerce.number({ error: 'must be a number of seconds' }).min(0).max(86_400).default(fallback);

const encodingAesKey = z
  .string()
  .refine(isEncodingAesKey, 'must be the EncodingAESKey from the console: 43 letters and digits')
  .optional();

const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .default('false')
  .transform((value) => value === 'true' || value === '1');

const webUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL such as https://example.com' })
  .transform((url) => url.replace(/\/+$/, ''));

const settings = z.object({
  DATABASE_URL: z
    .url({
      protocol: /^postgres(ql)?$/,
      error: 'must be a URL such as postgres://user:password@localhost:5432/wechat',
    })
    .optional(),
  DATA_DIR: z.string().default('.data'),
  PORT: port.default(3000),
  HOST: z.string().default('0.0.0.0'),
  ADMIN_PORT: port.default(3001),
  ADMIN_HOST: z.string().default('127.0.0.1'),
  WECHAT_APP_ID: z
    .string({ error: 'is missing: the AppID from the console, e.g. wx0123456789abcdef' })
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the AppID from the console, e.g. wx0123456789abcdef'),
  WECHAT_APP_SECRET: z.string({ error: 'is missing: the AppSecret from the console' }),
  WECHAT_TOKEN: z
    .string({ error: 'is missing: choose 3 to 32 letters or digits and enter the same in the console' })
    .regex(/^[A-Za-z0-9]{3,32}$/, 'must be 3 to 32 letters or digits, the same as in the console'),
  WECHAT_ENCODING_AES_KEY: encodingAesKey,
  WECHAT_ENCODING_AES_KEY_PREVIOUS: encodingAesKey,
  WECHAT_REQUIRE_ENCRYPTION: flag,
  WECHAT_API_BASE: webUrl.default('https://api.weixin.qq.com'),
  WECHAT_ACCOUNT_NAME: z.string().default('本公众号'),
  PUBLIC_URL: webUrl.optional(),
  REPLIES: z.string().optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be one of fatal, error, warn, info, debug, trace, silent',
    })
    .default('info'),
  MAX_TIMESTAMP_AGE: seconds(300),
  ON_UNKNOWN: z.enum(['resend', 'hold'], { error: 'must be resend or hold' }).default('resend'),
  SHUTDOWN_GRACE: seconds(25),
  REPLY_TIMEOUT: seconds(60),
});

type Environment = Record<string, string | undefined>;

/**
 * Reads and checks the settings.
 *
 * @param environment usually `process.env`; an empty value counts as absent
 * @throws ConfigError naming every problem at once
 */
export function readConfig(environment: Environment): Config {
  const problems: string[] = [];
  const given = withSecretFiles(environment, problems);
  const parsed = settings.safeParse(given);
  if (!parsed.success) problems.push(...describeIssues(parsed.error, given));
  if (!given.PUBLIC_URL && !given.REPLIES) {
    problems.push(
      'PUBLIC_URL is missing: the address under which the pictures of the default replies are served, e.g. https://www.example.com (not needed with REPLIES)',
    );
  }
  if (parsed.success && parsed.data.WECHAT_REQUIRE_ENCRYPTION && !parsed.data.WECHAT_ENCODING_AES_KEY) {
    problems.push(
      'WECHAT_ENCODING_AES_KEY is missing: WECHAT_REQUIRE_ENCRYPTION refuses everything without it',
    );
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);

  const { data } = parsed;
  const { WECHAT_ENCODING_AES_KEY: currentKey, WECHAT_ENCODING_AES_KEY_PREVIOUS: previousKey } = data;
  return {
    databaseUrl: data.DATABASE_URL,
    dataDir: data.DATA_DIR,
    port: data.PORT,
    host: data.HOST,
    adminPort: data.ADMIN_PORT,
    adminHost: data.ADMIN_HOST,
    account: {
      appId: data.WECHAT_APP_ID,
      appSecret: data.WECHAT_APP_SECRET,
      token: data.WECHAT_TOKEN,
      encodingAesKeys: [currentKey, previousKey].filter((key) => key !== undefined),
      requireEncryption: data.WECHAT_REQUIRE_ENCRYPTION,
    },
    apiBase: data.WECHAT_API_BASE,
    publicUrl: data.PUBLIC_URL,
    accountName: data.WECHAT_ACCOUNT_NAME,
    repliesModule: data.REPLIES,
    logLevel: data.LOG_LEVEL,
    maxTimestampAgeSeconds: data.MAX_TIMESTAMP_AGE,
    onUnknown: data.ON_UNKNOWN,
    shutdownGraceMs: data.SHUTDOWN_GRACE * 1000,
    replyTimeoutMs: data.REPLY_TIMEOUT * 1000,
  };
}

/** The part of the settings that `migrate` needs; it asks for no account. */
export function readDatabaseConfig(
  environment: Environment,
): Pick<Config, 'databaseUrl' | 'dataDir' | 'logLevel'> {
  const problems: string[] = [];
  const given = withSecretFiles(environment, problems);
  const parsed = settings.pick({ DATABASE_URL: true, DATA_DIR: true, LOG_LEVEL: true }).safeParse(given);
  if (!parsed.success) problems.push(...describeIssues(parsed.error, given));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return {
    databaseUrl: parsed.data.DATABASE_URL,
    dataDir: parsed.data.DATA_DIR,
    logLevel: parsed.data.LOG_LEVEL,
  };
}

function describeIssues(error: z.ZodError, given: Environment): string[] {
  return error.issues.map(({ path, message }) => describeIssue(String(path[0]), given, message));
}

function describeIssue(name: string, given: Environment, message: string): string {
  const value = given[name];
  const isSecret = secretNames.some((secret) => secret === name);
  return value === undefined || isSecret
    ? `${name} ${message}`
    : `${name} ${message} (it is ${JSON.stringify(value)})`;
}

/** Replaces each `NAME_FILE` by the trimmed contents of the file it names, and drops empty values. */
function withSecretFiles(environment: Environment, problems: string[]): Environment {
  const given: Environment = {};
  for (const [name, value] of Object.entries(environment)) if (value) given[name] = value;
  for (const name of secretNames) {
    const file = given[`${name}_FILE`];
    if (!file) continue;
    if (given[name]) {
      problems.push(`${name} and ${name}_FILE are both set: keep one of them`);
      continue;
    }
    try {
      given[name] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      problems.push(`${name}_FILE cannot be read: ${error instanceof Error ? error.message : error}`);
    }
  }
  return given;
}
