/** Writes docs/settings.md, its Chinese twin and .env.example from the schema; with --verify it fails when one is stale. */
import { readFileSync, writeFileSync } from 'node:fs';
import { collectSettings } from './settings/collect.js';
import { envExample } from './settings/env-example.js';
import { settingsPage } from './settings/page.js';
import { chinese, english } from './settings/words.js';

const settings = collectSettings();
const files = {
  'docs/settings.md': settingsPage(settings, english),
  'docs/zh-CN/settings.md': settingsPage(settings, chinese),
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
