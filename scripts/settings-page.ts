/** Writes docs/settings.md, its Chinese twin and .env.example from the schema; with --verify it fails when one is stale. */
import { readFileSync, writeFileSync } from 'node:fs';
import { oneAccount, secretNames, settings as shared } from '#src/config/schema.js';
import { collectSettings } from './settings/collect.ts';
import { envExample } from './settings/env-example.ts';
import { settingsPage } from './settings/page.ts';
import { chinese, english } from './settings/words.ts';

const settings = collectSettings({ ...oneAccount.shape, ...shared.shape });
const files = {
  'docs/settings.md': settingsPage(settings, secretNames, english),
  'docs/zh-CN/settings.md': settingsPage(settings, secretNames, chinese),
  '.env.example': envExample(settings),
};

for (const [file, text] of Object.entries(files)) {
  if (!process.argv.includes('--verify')) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    process.exitCode = 1;
    console.error(`${file} is stale: run "npm run docs:settings" and commit the result.`);
  }
}
