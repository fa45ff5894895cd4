import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { wordsOf } from '../../src/cli/words/index.js';
import { ConfigError, readConfig } from '../../src/config/settings.js';
import { shareConnections } from '../../src/service/pools.js';
import { runInProcess } from '../support/command-line.js';
import { problemsOf, rawProblemsOf } from '../support/settings-problems.js';
import { scratchDirectory } from '../support/temporary-directory.js';

const chinese = wordsOf('zh-CN').settings;
const complete = {
  WECHAT_APP_ID: 'wx0123456789abcdef',
  WECHAT_APP_SECRET: 'secret',
  WECHAT_TOKEN: 'abc123',
  PUBLIC_URL: 'https://www.example.com',
};

/** For each setting that can be wrong by itself, values that are. */
const wrong: Record<string, string[]> = {
  DATABASE_URL: ['mysql://x', 'postgres://', 'postgres://u:a%e4b@h/d', 'postgres://u:a#b@h/d'],
  DATABASE_CONNECTIONS: ['many', '2', '1001', '6.5'],
  PORT: ['-1', '65536', '1.5', 'http'],
  ADMIN_PORT: ['65536'],
  PROCESSES: ['0', '65', 'all'],
  WECHAT_API_BASE: ['api.weixin.qq.com', 'ftp://x'],
  HTTP_PROXY: ['socks5://x'],
  HTTPS_PROXY: ['http://'],
  WECHAT_API_IP_FAMILY: ['5'],
  LOG_LEVEL: ['loud'],
  MAX_TIMESTAMP_AGE: ['-1', '86401', 'old'],
  SHUTDOWN_GRACE: ['x'],
  REPLY_TIMEOUT: ['x'],
  OVERFLOW_NOTICE: ['长'.repeat(201)],
  MEDIA_FROM_PRIVATE_ADDRESSES: ['yes'],
  RESCUE_AFTER: ['0', '601', 'x'],
  INBOX_QUEUE: ['0', 'x', '1.5'],
  REPLY_CONCURRENCY: ['0', '1001', 'x'],
  SEND_CONCURRENCY: ['0'],
  RETENTION_DAYS: ['-1', '36501', 'x'],
  FORGET_AFTER_UNSUBSCRIBE: ['soon'],
  WECHAT_REQUIRE_ENCRYPTION: ['yes'],
  WECHAT_COMPONENT_APP_ID: ['a b'],
  WECHAT_CLOUD_HOSTING: ['yes'],
  PUBLIC_URL: ['x'],
  ACCESS_TOKEN_MODE: ['new'],
  ON_UNKNOWN: ['drop'],
  ON_OVERFLOW: ['drop'],
  TYPING_INDICATOR: ['yes'],
  SEND_RATE: ['-1', '100001', 'x'],
  ORDERED: ['yes'],
  WINDOW_MESSAGE: ['often'],
  WINDOW_MENU: ['5/48'],
  WINDOW_SUBSCRIBE: ['x'],
  WINDOW_SCAN: ['x'],
  JSAPI_ORIGINS: ['https://x.example/a', 'x'],
  WECHAT_APP_ID: ['a b', ''],
  WECHAT_APP_SECRET: [''],
  WECHAT_TOKEN: ['a b', ''],
  WECHAT_ENCODING_AES_KEY: ['short'],
  WECHAT_ENCODING_AES_KEY_PREVIOUS: ['short'],
};

describe('a setting that is wrong', () => {
  test.each(Object.entries(wrong).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    '%s=%s is told in words of ours, in both languages, by its name',
    (name, value) => {
      const environment = { ...complete, [name]: value };
      const raw = rawProblemsOf(environment);
      expect(raw.length).toBeGreaterThan(0);
      expect(raw.filter(({ code }) => code === 'other')).toEqual([]);
      const inEnglish = problemsOf(environment);
      const inChinese = problemsOf(environment, { words: chinese });
      expect(inChinese).toHaveLength(inEnglish.length);
      for (const [index, sentence] of inEnglish.entries()) {
        expect(sentence).toMatch(new RegExp(`^${name} [a-z]`));
        expect(inChinese[index]).toMatch(new RegExp(`^${name} .*\\p{Script=Han}`, 'u'));
      }
    },
  );

  test('of an accounts file is told by its place, in words of ours', () => {
    const file = path.join(scratchDirectory(), 'accounts.yaml');
    const problemsIn = (content: string) => {
      writeFileSync(file, content);
      const environment = { ACCOUNTS_FILE: file };
      expect(rawProblemsOf(environment).filter(({ code }) => code === 'other')).toEqual([]);
      const english = problemsOf(environment);
      expect(english.every((sentence) => sentence.startsWith(`ACCOUNTS_FILE ${file}`))).toBe(true);
      return problemsOf(environment, { words: chinese }).map((sentence) => {
        expect(sentence.startsWith(`ACCOUNTS_FILE ${file}`)).toBe(true);
        return sentence.slice(`ACCOUNTS_FILE ${file}`.length);
      });
    };
    const secrets = 'appSecret: { env: NOWHERE }, token: { file: ./nowhere }';
    expect(problemsIn('hello')).toEqual(['：应有列表 "accounts"']);
    expect(problemsIn('more: 1\naccounts: []')).toEqual([
      '：accounts 至少要有一个公众号',
      '：里有不认识的项：more',
    ]);
    expect(problemsIn('accounts: wx1')).toEqual(['：accounts 应是公众号的列表']);
    expect(problemsIn('accounts: [')).toEqual([expect.stringMatching(/^ 读不了：/)]);
    expect(problemsIn(`accounts: [{ appId: wx1, windows: 1, name: "", replies: 1, ${secrets} }]`)).toEqual([
      '：accounts[0].name 不能为空',
      '：accounts[0].replies 应是路径或网址，或它们的列表',
      '：accounts[0].windows 应是对象',
    ]);
    expect(
      problemsIn(`accounts: [{ appId: wx1, requireEncryption: true, cloudHosting: on, ${secrets} }]`),
    ).toEqual([
      '：accounts[0] (wx1).appSecret：环境里没有变量 NOWHERE',
      expect.stringMatching(/^：accounts\[0\] \(wx1\)\.token 读不了：ENOENT/),
      '：accounts[0] (wx1).encodingAesKey 没有设置：缺了它，requireEncryption 会拒收所有推送',
      expect.stringMatching(/^：accounts\[0\] \(wx1\)\.cloudHosting 接收没有签名的推送/),
      '：accounts[0] (wx1).publicUrl 没有设置：默认回复需要它（设置了 replies 则不需要）',
    ]);
  });
});

test('the error of a program is in English, whatever people are told in', () => {
  expect(() => readConfig({ ...complete, PORT: 'x', WECHAT_OUTBOX_LANG: 'zh-CN' })).toThrow(
    'The settings need attention:\n  - PORT must be a port number, 0 to 65535 (it is "x")',
  );
  expect(() => shareConnections('worker', 3)).toThrow(ConfigError);
  expect(() => shareConnections('worker', 3)).toThrow(
    /DATABASE_CONNECTIONS is 3: the role worker needs \d at least/,
  );
});

describe.each([
  [
    { LANG: 'zh_CN.UTF-8' },
    /^wechat-outbox: 以下配置有问题：\n {2}- PORT 应是端口号，0 到 65535（现在是 "x"）$/,
  ],
  [{ LANG: 'C' }, /^wechat-outbox: The settings need attention:\n {2}- PORT must be a port number.*$/],
])('with %j', (language, words) => {
  test('commands tell what is wrong with the settings, with exit code 2', async () => {
    const { code, err } = await runInProcess(['start'], { ...complete, ...language, PORT: 'x' });
    expect(err).toMatch(words);
    expect(code).toBe(2);
  });
});

test('the doctor tells it in the language of its reader, and machines in English', async () => {
  const settings = { ...complete, PORT: 'x', DATABASE_URL: 'postgres://127.0.0.1:9/none' };
  const doctor = async (...args: string[]) =>
    (await runInProcess(['doctor', ...args], { ...settings, WECHAT_OUTBOX_LANG: 'zh-CN' })).out;
  expect(await doctor()).toMatch(/^fail +settings +PORT 应是端口号/m);
  expect(await doctor('--json')).toContain('PORT must be a port number');
});
