import type { AbsentSetting, SettingGroup } from '#src/config/about.js';
import type { Setting, Values } from './collect.ts';
import { summariesZh } from './summaries-zh.ts';

/** All that differs between the languages of the page of settings. */
export interface Words {
  title: string;
  introduction: string;
  columns: readonly [name: string, fallback: string, values: string, meaning: string];
  groups: Readonly<Record<SettingGroup, string>>;
  absent: Readonly<Record<Extract<AbsentSetting, string>, string>>;
  summaryOf(setting: Setting): string;
  valuesOf(values: Values): string;
  secrets: { title: string; text(names: readonly string[]): string };
  accounts: { title: string; text: string; columns: readonly [key: string, setting: string]; after: string };
}

const list = (names: readonly string[], comma: string) => names.map((name) => `\`${name}\``).join(comma);

export const english: Words = {
  title: 'Settings',
  introduction: `Settings come from the environment, and from a file \`.env\` in the working directory; the environment wins. An empty value
counts as none. A start with settings that are missing or wrong lists all of them at once, says what to do, and ends with
exit code 2. \`wechat-outbox doctor\` looks at them too. \`.env.example\` is a file to begin with.

This page is written from the schema (\`src/config/schema.ts\`) by \`npm run docs:settings\`: change it there.`,
  columns: ['setting', 'default', 'values', 'meaning'],
  groups: {
    account: 'Account',
    replies: 'Replies',
    sending: 'Sending',
    database: 'Database',
    servers: 'Servers and log',
    network: 'Way to WeChat',
    limits: 'Limits and time',
    history: 'History',
    console: 'Console',
    others: 'Set by others',
  },
  absent: {
    required: '**required**',
    none: 'none',
    'embedded PostgreSQL': 'embedded PostgreSQL',
    'required by the default replies': 'required by the default replies',
    'the default replies': 'the default replies',
    'required by http(s) addresses in REPLIES': 'required by http(s) addresses in REPLIES',
  },
  summaryOf: ({ summary }) => summary,
  valuesOf(values) {
    if (values.kind === 'one of') return list(values.words, ', ');
    if (values.kind === 'text') return `at most ${values.longest} characters`;
    const { least, most } = values;
    if (most === undefined) return least === undefined ? '' : `${least} or more`;
    return `${least ?? ''} to ${most}`;
  },
  secrets: {
    title: 'Secrets from files',
    text: (
      names,
    ) => `Each secret (${list(names, ', ')}) can come from a file: \`WECHAT_APP_SECRET_FILE=/run/secrets/wechat\`. White space around
it does not count. A setting and its file together are an error.`,
  },
  accounts: {
    title: 'Several accounts',
    text: `\`ACCOUNTS_FILE\` names a file in YAML or JSON. Secrets are named there, not written: from the environment or from a file. Paths
are relative to the file. What an account does not say it has from the settings above. What the file says wrong is told by
its place, e.g. \`accounts[0].windows.message\`. A new account needs a restart.`,
    columns: ['key', 'instead of'],
    after: `Each account has its URL, \`/wechat/<AppID>\`; the first also has \`/wechat\`. Each has its own access token, pauses, windows and
replies: one account that rests holds up no other.`,
  },
};

export const chinese: Words = {
  title: '配置项',
  introduction: `配置来自环境变量，以及工作目录下的 \`.env\` 文件；两处都有时以环境变量为准。空值等于没有设置。启动时如有缺失或写错的
配置，会一次全部列出并说明怎么改，退出码为 2。\`wechat-outbox doctor\` 也会检查它们。可以从 \`.env.example\` 开始填写。

本页由 \`npm run docs:settings\` 根据 \`src/config/schema.ts\` 生成：请到那里修改。`,
  columns: ['配置项', '默认值', '取值', '含义'],
  groups: {
    account: '公众号',
    replies: '回复',
    sending: '发送',
    database: '数据库',
    servers: '端口与日志',
    network: '到微信的网络',
    limits: '并发与时限',
    history: '历史数据',
    console: '控制台',
    others: '由其他程序设置',
  },
  absent: {
    required: '**必填**',
    none: '无',
    'embedded PostgreSQL': '内嵌 PostgreSQL',
    'required by the default replies': '使用默认回复时必填',
    'the default replies': '默认回复',
    'required by http(s) addresses in REPLIES': 'REPLIES 里有 http(s) 地址时必填',
  },
  summaryOf: ({ name }) => summariesZh[name],
  valuesOf(values) {
    if (values.kind === 'one of') return list(values.words, '、');
    if (values.kind === 'text') return `最多 ${values.longest} 个字符`;
    const { least, most } = values;
    if (most === undefined) return least === undefined ? '' : `不小于 ${least}`;
    return `${least ?? ''} 至 ${most}`;
  },
  secrets: {
    title: '从文件读取密钥',
    text: (
      names,
    ) => `以下每一项（${list(names, '、')}）都可以从文件读取：\`WECHAT_APP_SECRET_FILE=/run/secrets/wechat\`。首尾空白会去掉。
同一项既写了值又指定了文件，会报错。`,
  },
  accounts: {
    title: '多个公众号',
    text: `\`ACCOUNTS_FILE\` 指向一个 YAML 或 JSON 文件。文件里不写密钥本身，只写从哪里取：环境变量或文件。其中的路径相对于该文件。
某个公众号没有写的项，取上面的配置。写错的地方会按位置指出，例如 \`accounts[0].windows.message\`。增加公众号后需要重启。`,
    columns: ['键', '对应的配置项'],
    after: `每个公众号有自己的 URL：\`/wechat/<AppID>\`；第一个同时使用 \`/wechat\`。access_token、暂停、回复窗口和回复逻辑都各自独立：
一个公众号暂停，不影响其他公众号。`,
  },
};

/** Nothing of it differs: what it shows are names. */
export const accountsExample = `\`\`\`yaml
accounts:
  - appId: wx0123456789abcdef
    appSecret: { env: SHOP_SECRET } # { file: /run/secrets/shop }
    token: { env: SHOP_TOKEN }
    encodingAesKey: { file: ./shop.key }
    requireEncryption: true
    name: 晨光书店
    replies: ./shop.js
    windows: { message: 20/48h }
    sendRate: 50
    jsapiOrigins: [https://shop.example.com]
  - appId: wxfedcba9876543210
    appSecret: { env: NEWS_SECRET }
    token: { env: NEWS_TOKEN }
    publicUrl: https://news.example.com
\`\`\``;
