import { expect, test } from 'vitest';
import { readWordFile } from '../../../src/replies/words/word-file.js';

test('a word list has categories, and its words are text whatever they look like', () => {
  const source = `
categories:
  scam:
    action: refuse
    words: [刷单, 110, no, 1.0]
    reply: 请联系人工客服。
    inbound: true
  rude:
    action: mask
    words:
      - 笨蛋
`;
  expect(readWordFile(source)).toEqual({
    ok: true,
    categories: [
      {
        name: 'scam',
        action: 'refuse',
        words: ['刷单', '110', 'no', '1.0'],
        reply: '请联系人工客服。',
        inbound: true,
      },
      { name: 'rude', action: 'mask', words: ['笨蛋'], reply: undefined, inbound: false },
    ],
  });
});

test.each<[what: string, source: string, problem: object]>([
  ['is no YAML', 'categories: [', { line: 1, text: { en: expect.any(String) } }],
  ['is empty', '', { line: 1, column: 1, text: { en: 'must have categories' } }],
  ['has something else', 'words: [a]', { line: 1, text: { en: expect.any(String) } }],
  [
    'has an action that there is not',
    'categories:\n  rude:\n    action: hide\n    words: [a]',
    { line: 3, column: 5, text: { en: 'categories.rude.action must be refuse, mask or handOver' } },
  ],
  [
    'has no words',
    'categories:\n  rude:\n    action: mask\n    words: []',
    { line: 4, column: 5, text: { en: 'categories.rude.words must name one word at least' } },
  ],
  [
    'has an empty word',
    'categories:\n  rude:\n    action: mask\n    words:\n      - a\n      - " "',
    { line: 6, column: 9, text: { en: 'categories.rude.words.1 is empty' } },
  ],
  [
    'has a field that there is not',
    'categories:\n  rude:\n    action: mask\n    words: [a]\n    anser: b',
    { line: 5, column: 5, text: { en: 'categories.rude has no field anser' } },
  ],
  [
    'has a category without anything',
    'categories:\n  rude:\n',
    { line: 2, column: 3, text: { en: 'categories.rude must have action and words' } },
  ],
])('a file that %s is refused with its place', (_what, source, problem) => {
  const result = readWordFile(source);
  expect(result.ok ? [] : result.problems[0]).toMatchObject(problem);
  if (!result.ok) expect(result.problems[0]?.text['zh-CN']).toMatch(/\p{Script=Han}/u);
});

test('a word of nothing but blanks that do not show is refused', () => {
  const result = readWordFile('categories:\n  rude:\n    action: mask\n    words: ["\\u200b"]');
  expect(result).toMatchObject({ ok: false, problems: [{ line: 4 }] });
});
