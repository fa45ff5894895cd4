import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import * as kit from '../../src/testing/index.js';
import { root } from './pages.js';

test.each(['docs/testing.md', 'docs/zh-CN/testing.md'])(
  '%s names all that the test kit has',
  async (page) => {
    const text = readFileSync(path.join(root, page), 'utf8');
    const wechat = await kit.startWeChat();
    onTestFinished(() => wechat.stop());
    const names = [kit, wechat, wechat.user()].flatMap((part) => Object.keys(part));
    const inCode = [...text.replaceAll('```', '').matchAll(/`([^`\n]+)`/g)]
      .map(([, code = '']) => code)
      .join(' ');
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(inCode))).toEqual([]);
  },
);
