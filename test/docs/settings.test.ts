import { describe, expect, test } from 'vitest';
import { collectSettings } from '../../scripts/settings/collect.js';
import { envExample } from '../../scripts/settings/env-example.js';
import { settingsPage } from '../../scripts/settings/page.js';
import { chinese, english } from '../../scripts/settings/words.js';
import { accountKeys } from '../../src/config/accounts-file.js';
import { oneAccount, secretNames, settings as shared } from '../../src/config/schema.js';
import { pages, readPage } from './pages.js';

const settings = collectSettings({ ...oneAccount.shape, ...shared.shape });

/** In the pages, and not ours: of Node, docker compose, Postgres, WeChat's samples and examples. */
const others = new Set([
  'NODE_OPTIONS',
  'POSTGRES_PASSWORD',
  'ANALYST_PASSWORD',
  'LC_CTYPE',
  'LC_ALL',
  'LC_MESSAGES',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'TRACE_SHARE',
  'NODE_OPTIONS',
  'MODEL_KEY',
  'MEDIA_ID',
  'ARTICLE_ID',
  'SHOP_SECRET',
  'SHOP_TOKEN',
  'NEWS_SECRET',
  'NEWS_TOKEN',
]);

/** Of the tests: CONTRIBUTING.md alone speaks of them. */
const ofTests = /^WECHAT_SANDBOX_/;

describe('the settings', () => {
  test.each([
    ['docs/settings.md', settingsPage(settings, secretNames, english)],
    ['docs/zh-CN/settings.md', settingsPage(settings, secretNames, chinese)],
    ['.env.example', envExample(settings)],
  ])('are written as the schema has them: %s (npm run docs:settings)', (file, text) => {
    expect(readPage(file).text).toBe(text);
  });

  test('that an account may have for itself are those of the accounts file', () => {
    const keys = settings.flatMap(({ accountKey }) => accountKey?.split('.')[0] ?? []);
    expect([...new Set(keys)].sort()).toEqual([...accountKeys].sort());
  });

  test('that are named anywhere in the pages exist', () => {
    const known = new Set<string>([
      ...settings.map(({ name }) => name),
      ...secretNames.map((name) => `${name}_FILE`),
      ...others,
    ]);
    const unknown = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w])/g)]
        .map(([name]) => `${file}: ${name}`)
        .filter((line) => {
          const [, name = ''] = line.split(': ');
          return !known.has(name) && !(file === 'CONTRIBUTING.md' && ofTests.test(name));
        }),
    );
    expect(unknown).toEqual([]);
  });
});
