import { z } from 'zod';
import { problemOfDatabaseUrl } from '../db/database-url.js';
import { type Allowance, defaultWindows } from '../wechat/in/window.js';
import { about } from './about.js';
import * as shapes from './account.js';
import { consoleSettings } from './console.js';
import { type Form, form } from './forms.js';
import { httpReplySettings } from './http-replies.js';
import { networkSettings, proxySecrets } from './network.js';

/**
 * Every setting: its form, its default, and what it is for. docs/settings.md, its Chinese twin and .env.example are written
 * from this table by `npm run docs:settings`.
 */

/** Each may come from a file instead, which `NAME_FILE` names. */
export const secretNames = [
  'DATABASE_URL',
  'DATABASE_PASSWORD',
  'WECHAT_APP_SECRET',
  'WECHAT_TOKEN',
  'WECHAT_ENCODING_AES_KEY',
  'WECHAT_ENCODING_AES_KEY_PREVIOUS',
  'REPLIES_HTTP_SECRET',
  'REPLIES_HTTP_SECRET_PREVIOUS',
  ...proxySecrets,
  'CONSOLE_OIDC_CLIENT_SECRET',
] as const;

const wholeNumber = (name: Form, least: number, most: number) =>
  z.coerce.number(form(name)).int(form(name)).min(least, form(name)).max(most, form(name));

const port = wholeNumber('port', 0, 65_535);

const seconds = (fallback: number) =>
  z.coerce.number(form('seconds')).min(0, form('seconds')).max(86_400, form('seconds')).default(fallback);

const concurrency = (fallback: number) => wholeNumber('concurrency', 1, 1_000).default(fallback);

const flag = (fallback: 'true' | 'false' = 'false') =>
  z
    .enum(['true', 'false', '1', '0'], form('flag'))
    .default(fallback)
    .transform((value) => value === 'true' || value === '1');

/** Each part is checked as `shape` has it. */
const list = <T extends z.ZodType<unknown, string>>(shape: T) =>
  z
    .string()
    .default('')
    .transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .pipe(z.array(shape));

/** As a setting has it: `5/48h`. */
const written = ({ quota, seconds }: Allowance) =>
  `${quota}/${seconds % 3_600 === 0 ? `${seconds / 3_600}h` : `${seconds}s`}`;

export const settings = z.object({
  DATABASE_URL: z
    .string()
    // What is wrong with it is told by the same function, to whom it concerns.
    .refine((value) => problemOfDatabaseUrl(value) === undefined, form('databaseUrl'))
    .optional()
    .meta(
      about(
        'database',
        'The database, `postgres://…`: PostgreSQL 15 or newer, over TCP, a socket, TLS, or PgBouncer in session mode. See [Run](run.md#postgres).',
        { absent: 'embedded PostgreSQL', example: 'postgres://wechat:password@localhost:5432/wechat' },
      ),
    ),
  DATABASE_PASSWORD: z
    .string()
    .optional()
    .meta(
      about(
        'database',
        'Its password, apart from the URL. Any characters will do here; in a URL some of them must be %-encoded.',
        { absent: 'none' },
      ),
    ),
  DATABASE_CONNECTIONS: z.coerce
    .number(form('connections'))
    .int(form('connections'))
    .min(3, form('fewConnections'))
    .max(1_000, form('connections'))
    .default(20)
    .meta(
      about(
        'database',
        'Connections that one process may open, shared by its parts: 6 at least, 5 for the role `worker`, 3 for the role `ingress`. See [Sizing](run.md#sizing).',
      ),
    ),
  DATA_DIR: z.string().default('.data').meta(about('database', 'Where the embedded PostgreSQL lives.')),
  PORT: port.default(3000).meta(about('servers', 'Port of the webhook. `0` takes any that is free.')),
  HOST: z.string().default('0.0.0.0').meta(about('servers', 'Address of the webhook.')),
  ADMIN_PORT: port
    .default(3001)
    .meta(
      about(
        'servers',
        'Port of health, metrics and page signatures. `0` takes any that is free; the log line `started` names it.',
      ),
    ),
  ADMIN_HOST: z
    .string()
    .default('127.0.0.1')
    .meta(
      about('servers', 'Address of the admin port. It is for you alone: do not let the internet reach it.'),
    ),
  PROCESSES: wholeNumber('processes', 1, 64)
    .default(1)
    .meta(
      about(
        'servers',
        'Processes that `start` runs at one webhook port: one for each core at most, with DATABASE_URL. The nth has the admin port ADMIN_PORT + n - 1. In containers run replicas instead.',
      ),
    ),
  // Others may call something else so: then it counts as 0.
  NODE_APP_INSTANCE: z.coerce
    .number()
    .int()
    .min(0)
    .max(999)
    .catch(0)
    .meta(
      about(
        'others',
        'Set by PM2, not by you: the number of the process among those of one command, from 0. It is added to ADMIN_PORT.',
      ),
    ),
  WECHAT_API_BASE: shapes.webUrl
    .default('https://api.weixin.qq.com')
    .meta(about('network', 'WeChat’s API, or a simulator.')),
  ...networkSettings,
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], form('logLevel'))
    .default('info')
    .meta(about('servers', 'The least important lines that are logged.')),
  // The command line reads it by itself, before there is a configuration: see languageOf.
  WECHAT_OUTBOX_LANG: z
    .string()
    .optional()
    .meta(
      about(
        'servers',
        'The language that commands speak: `zh-CN` or `en`. Without it that of the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`): Chinese for `zh…`, English for all others. JSON and log lines are in English always.',
        { absent: 'none', example: 'zh-CN' },
      ),
    ),
  MAX_TIMESTAMP_AGE: seconds(300).meta(
    about('servers', 'Oldest signature that is taken, in seconds; `0` takes any age.'),
  ),
  SHUTDOWN_GRACE: seconds(25).meta(
    about('limits', 'Seconds that SIGTERM waits for work under way. What is not done then is given back.'),
  ),
  REPLY_TIMEOUT: seconds(60).meta(about('replies', 'Seconds that the reply logic may take for one message.')),
  OVERFLOW_NOTICE: z
    .string()
    .max(200, form('overflowNotice'))
    .default('……（内容过多，其余未能发送）')
    .meta(about('replies', 'What the last message of a reply that was cut ends with.')),
  HANDOVER_IDLE_MINUTES: wholeNumber('minutes', 0, 10_080)
    .default(30)
    .meta(
      about(
        'replies',
        'A conversation that an agent took over is handed back to the replies by itself so many minutes after the agent’s last word; `0`: never. See [Handing over to a person](replies.md#handing-over-to-a-person).',
      ),
    ),
  HANDBACK_WORD: list(z.string().max(100, form('word'))).meta(
    about(
      'replies',
      'Texts, separated by commas, with which users hand their conversation back to the replies themselves.',
      { example: '返回,menu' },
    ),
  ),
  WORDS_FILE: z
    .string()
    .optional()
    .meta(
      about(
        'replies',
        'A file in YAML with words that are looked for in replies before they are sent, and in what users write. A change needs no restart. See [Words](checks.md#words).',
        { absent: 'none', example: 'words.yaml' },
      ),
    ),
  MEDIA_FROM_PRIVATE_ADDRESSES: flag().meta(
    about('replies', 'Let media URLs of the replies lead into your own network.'),
  ),
  RESCUE_AFTER: z.coerce
    .number(form('rescueAfter'))
    .min(1, form('rescueAfter'))
    .max(600, form('rescueAfter'))
    .default(10)
    .meta(
      about(
        'limits',
        'Seconds that a worker must be missing before others take its work over. The work goes on at most 15 s after that.',
      ),
    ),
  INBOX_QUEUE: z.coerce
    .number(form('inboxQueue'))
    .int(form('inboxQueue'))
    .min(1, form('inboxQueue'))
    .default(5_000)
    .meta(
      about(
        'limits',
        'Messages that may wait for their commit in one process; further pushes get 503 at once.',
      ),
    ),
  REPLY_CONCURRENCY: concurrency(200).meta(
    about('limits', 'Messages of each account that the reply logic works on at once, in each process.'),
  ),
  SEND_CONCURRENCY: concurrency(200).meta(
    about('limits', 'Calls of the API at once for each account, in each process.'),
  ),
  RETENTION_DAYS: wholeNumber('retentionDays', 0, 36_500)
    .default(0)
    .meta(
      about(
        'history',
        'Messages that were settled more than so many days ago are deleted, with their deliveries; `0`: none ever. See [Privacy](privacy.md).',
      ),
    ),
  FORGET_AFTER_UNSUBSCRIBE: z
    .string()
    .regex(/^(off|\d{1,4})$/, form('forgetAfter'))
    .default('off')
    .transform((value) => (value === 'off' ? undefined : Number(value)))
    .meta(
      about(
        'history',
        '`off`, or days of grace: a user who unsubscribed so long ago and did not come back is forgotten. See [Privacy](privacy.md).',
      ),
    ),
  ...consoleSettings,
  ACCOUNTS_FILE: z
    .string()
    .optional()
    .meta(
      about(
        'account',
        'A file in YAML or JSON with several accounts, instead of the one that these settings describe. See [Several accounts](#several-accounts).',
        { absent: 'none', example: 'accounts.yaml' },
      ),
    ),
  // From here on: defaults for each account, which ACCOUNTS_FILE may override.
  WECHAT_REQUIRE_ENCRYPTION: flag().meta(
    about('account', 'Refuse pushes that are not encrypted. Set it once secure mode works.', {
      accountKey: 'requireEncryption',
    }),
  ),
  WECHAT_COMPONENT_APP_ID: shapes.appId
    .optional()
    .meta(
      about(
        'account',
        'AppID of the third-party platform that serves the account: what is pushed there is encrypted for it.',
        { absent: 'none', accountKey: 'componentAppId' },
      ),
    ),
  WECHAT_CLOUD_HOSTING: shapes.cloudHosting
    .default('off')
    .meta(
      about(
        'account',
        '`on`: take pushes without a signature, as WeChat Cloud Hosting sends them; `source`: only with the header `x-wx-source`. See [WeChat Cloud Hosting](run.md#wechat-cloud-hosting) before you set it.',
        { accountKey: 'cloudHosting' },
      ),
    ),
  WECHAT_ACCOUNT_NAME: z
    .string()
    .default('本公众号')
    .meta(about('replies', 'What the default replies call the account.', { accountKey: 'name' })),
  PUBLIC_URL: shapes.webUrl.optional().meta(
    about('replies', 'Where the pictures and downloads of the default replies are served.', {
      absent: 'required by the default replies',
      accountKey: 'publicUrl',
    }),
  ),
  REPLIES: list(z.string().max(2_000, form('word'))).meta(
    about(
      'replies',
      'Where replies come from, separated by commas and asked in turn: a file of rules (`rules.yaml`), the path of a module of your own, the address of a back end, or a model (`model:model.yaml`). See [Replies](replies.md).',
      {
        absent: 'the default replies',
        accountKey: 'replies',
        example: './replies.js',
      },
    ),
  ),
  ...httpReplySettings,
  ACCESS_TOKEN_MODE: shapes.accessTokenMode
    .default('stable')
    .meta(
      about(
        'account',
        '`classic` asks `/cgi-bin/token`, for accounts without the stable API. There each new token ends the one before it, so nothing else may ask for one.',
        { accountKey: 'accessTokenMode' },
      ),
    ),
  ON_UNKNOWN: shapes.onUnknown
    .default('resend')
    .meta(
      about(
        'sending',
        'What becomes of an attempt whose outcome cannot be known: `resend` (the user may get the message twice) or `hold` it for an operator.',
        { accountKey: 'onUnknown' },
      ),
    ),
  ON_OVERFLOW: shapes.onOverflow
    .default('cut')
    .meta(
      about(
        'replies',
        'What becomes of a reply with more messages than its window allows: `cut` it, and say so in its last message, or `refuse` it: then its message fails.',
        { accountKey: 'onOverflow' },
      ),
    ),
  MERGE_WITHIN: shapes.mergeWithin
    .default(0)
    .meta(
      about(
        'replies',
        'What a user sends within so many seconds of their message before is answered at once, as one; `0`: each by itself. See [Quick messages together](replies.md#quick-messages-together).',
        { accountKey: 'mergeWithin' },
      ),
    ),
  TYPING_INDICATOR: flag().meta(
    about('replies', 'Show “typing” to the user while the reply logic runs longer than a second.', {
      accountKey: 'typingIndicator',
    }),
  ),
  SEND_RATE: shapes.sendRate.default(0).meta(
    about('sending', 'Sends a second for each account, shared equally by the live workers; `0`: no limit.', {
      accountKey: 'sendRate',
    }),
  ),
  ORDERED: flag('true').meta(
    about(
      'sending',
      'A user’s replies leave in the order of their messages. `false`: each leaves as soon as it is ready.',
      { accountKey: 'ordered' },
    ),
  ),
  USER_LIMIT: list(shapes.userLimit).meta(
    about(
      'replies',
      'How many messages of one user are answered in a time, over all processes: messages/time, several separated by commas. See [Limits](checks.md#limits).',
      { absent: 'none', accountKey: 'userLimit', example: '10/1m,200/1d' },
    ),
  ),
  LIMIT_NOTICE: shapes.limitNotice
    .default('您的消息太多了，请稍后再发。')
    .meta(
      about(
        'replies',
        'What a user is told whose messages are more than USER_LIMIT, once in its time; `off`: nothing.',
        { accountKey: 'limitNotice' },
      ),
    ),
  WINDOW_MESSAGE: shapes.allowance.optional().meta(
    about('replies', 'What the platform allows after a message of a user: messages/time.', {
      absent: { value: written(defaultWindows.message) },
      accountKey: 'windows.message',
    }),
  ),
  WINDOW_MENU: shapes.allowance.optional().meta(
    about('replies', 'The same after a menu click.', {
      absent: { value: written(defaultWindows.menu) },
      accountKey: 'windows.menu',
    }),
  ),
  WINDOW_SUBSCRIBE: shapes.allowance.optional().meta(
    about('replies', 'The same after a subscription.', {
      absent: { value: written(defaultWindows.subscribe) },
      accountKey: 'windows.subscribe',
    }),
  ),
  WINDOW_SCAN: shapes.allowance.optional().meta(
    about('replies', 'The same after a scan of the account’s QR code.', {
      absent: { value: written(defaultWindows.scan) },
      accountKey: 'windows.scan',
    }),
  ),
  JSAPI_ORIGINS: list(shapes.origin).meta(
    about(
      'account',
      'Pages that may have a JS-SDK signature, separated by commas. See [Pages of the JS-SDK](replies.md#pages-of-the-js-sdk).',
      { accountKey: 'jsapiOrigins', example: 'https://www.example.com' },
    ),
  ),
});

/** What the one account of the short way has; with ACCOUNTS_FILE these are each account's own. */
export const oneAccount = z.object({
  WECHAT_APP_ID: shapes.appId.meta(
    about('account', 'The AppID, from the console.', { absent: 'required', accountKey: 'appId' }),
  ),
  WECHAT_APP_SECRET: shapes.appSecret.meta(
    about('account', 'The AppSecret, from the console.', { absent: 'required', accountKey: 'appSecret' }),
  ),
  WECHAT_TOKEN: shapes.token.meta(
    about('account', 'The Token: 3 to 32 letters or digits of your choice; enter the same in the console.', {
      absent: 'required',
      accountKey: 'token',
    }),
  ),
  WECHAT_ENCODING_AES_KEY: shapes.encodingAesKey.meta(
    about('account', 'The EncodingAESKey, for secure and compatible mode: 43 characters from the console.', {
      absent: 'none',
      accountKey: 'encodingAesKey',
    }),
  ),
  WECHAT_ENCODING_AES_KEY_PREVIOUS: shapes.encodingAesKey.meta(
    about('account', 'The key before it, while it changes: both are tried.', {
      absent: 'none',
      accountKey: 'encodingAesKeyPrevious',
    }),
  ),
});
