import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toText } from '../../../src/replies/model/to-text.js';

test.each([
  ['**加粗**和*斜体*，~~删除~~', '加粗和斜体，删除'],
  ['# 标题\n\n正文', '标题\n\n正文'],
  ['见[文档](https://a.example/b?c=1&d=2)。', '见<a href="https://a.example/b?c=1&d=2">文档</a>。'],
  ['<https://a.example/>', '<a href="https://a.example/">https://a.example/</a>'],
  ['- 一\n- 二\n  - 二之一\n', '• 一\n• 二\n　◦ 二之一'],
  ['3. 三\n4. 四', '3. 三\n4. 四'],
  ['- [x] 做完\n- [ ] 没做', '• ☑ 做完\n• ☐ 没做'],
  ['```js\nconst a = 1;\n\nif (a < 2) b();\n```', 'const a = 1;\n\nif (a < 2) b();'],
  ['用 `npm start` 启动', '用 npm start 启动'],
  [
    '| 城市 | 气温 |\n| --- | --- |\n| 北京 | 3° |\n| 上海 | **9°** |',
    '城市：北京，气温：3°\n城市：上海，气温：9°',
  ],
  ['> 引用\n\n---\n\n完', '引用\n\n————\n\n完'],
  ['![图](https://a.example/p.png)', '<a href="https://a.example/p.png">图</a>'],
  // What the rules of Markdown leave as it is, and people see: a mark beside Chinese punctuation.
  ['**注意：**请看', '注意：请看'],
  ['**看[这里](https://a.example/)。**好', '看<a href="https://a.example/">这里</a>。好'],
  ['2**10 是 1024', '2**10 是 1024'],
  ['见https://a.example/b。**更多**', '见<a href="https://a.example/b">https://a.example/b</a>。更多'],
  ['<think>\n用户问…\n</think>\n\n你好', '你好'],
  ['A &amp; B &lt; C', 'A & B < C'],
])('%j reads %j', (markdown, text) => {
  expect(toText(markdown)).toBe(text);
});

test.each([
  ['[点我](javascript:alert(1))', '点我'],
  ['[点我](/relative)', '点我'],
  ['<a href="javascript:alert(1)">x</a>', 'x'],
  ['<b>粗</b><script>alert(1)</script><br>完', '粗alert(1)\n完'],
  ['&lt;a href="weixin://bizmsgmenu"&gt;x', '＜a href="weixin://bizmsgmenu"＞x'],
  ['\\<a href="weixin://x">y', '＜a href="weixin://x"＞y'],
  ['`<a href="x">`', '＜a href="x"＞'],
  ['[a"><b>x](https://a.example/")', '<a href="https://a.example/%22">a">x</a>'],
])('nothing but a link to http(s) is markup: %j reads %j', (markdown, text) => {
  expect(toText(markdown)).toBe(text);
});

/** No tag but a whole link. */
const foreignTag = /<(?!a href="https?:\/\/[^"<>\s]+">[^<]*<\/a>|\/a>)[a-z/!?]/i;

const word = fc.stringMatching(/^[一-龥A-Za-z0-9，。：]{1,12}$/).filter((text) => !/^\d+$/.test(text));
const span: fc.Arbitrary<{ markdown: string; words: string[] }> = fc.oneof(
  word.map((text) => ({ markdown: text, words: [text] })),
  word.map((text) => ({ markdown: `**${text}**`, words: [text] })),
  word.map((text) => ({ markdown: `\`${text}\``, words: [text] })),
  word.map((text) => ({ markdown: `[${text}](https://a.example/x)`, words: [text] })),
);
const line = fc.array(span, { minLength: 1, maxLength: 4 }).map((spans) => ({
  markdown: spans.map(({ markdown }) => markdown).join(' '),
  words: spans.flatMap(({ words }) => words),
}));
const block = fc.oneof(
  line,
  fc.tuple(fc.integer({ min: 1, max: 6 }), line).map(([depth, { markdown, words }]) => ({
    ...{ markdown: `${'#'.repeat(depth)} ${markdown}`, words },
  })),
  fc
    .tuple(fc.constantFrom('-', '*', '+', '1.'), fc.array(line, { minLength: 1, maxLength: 4 }))
    .map(([mark, lines]) => ({
      markdown: lines.map(({ markdown }) => `${mark} ${markdown}`).join('\n'),
      words: lines.flatMap(({ words }) => words),
    })),
  fc
    .array(word, { minLength: 1, maxLength: 3 })
    .map((words) => ({ markdown: `\`\`\`\n${words.join('\n')}\n\`\`\``, words })),
  fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 3 }).map((rows) => ({
    markdown: ['| 甲 | 乙 |', '|---|---|', ...rows.map(([one, other]) => `| ${one} | ${other} |`)].join('\n'),
    words: rows.flat(),
  })),
);

test('of these constructs no mark is left, and every word is', () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 6 }), (blocks) => {
      const text = toText(blocks.map(({ markdown }) => markdown).join('\n\n'));
      expect(text).not.toMatch(/\*\*|`|^#{1,6} |\]\(|^\s*[-*+] |^\||^\s*\|?-{3}/m);
      expect(text).not.toMatch(foreignTag);
      for (const { words } of blocks) for (const one of words) expect(text).toContain(one);
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['[a < b](https://a.example/)', '<a href="https://a.example/">a ＜ b</a>'],
  ['<https://a.example/&#60;">', '<a href="https://a.example/%3C%22">https://a.example/＜"</a>'],
])('nothing in the words of a link looks like markup: %s', (markdown, text) => {
  expect(toText(markdown)).toBe(text);
});

test('whatever comes, no tag is left but links', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom(
      ...[
        '<',
        '>',
        '<a href="',
        'javascript:',
        '">',
        '</a>',
        '[',
        '](',
        ')',
        '`',
        '```\n',
        '&lt;',
        '&#60;',
        '\\',
        '\n\n',
        '"',
      ],
      ...[
        'https://a.example/',
        '<b',
        '<!--',
        '![',
        '<think>',
        '\u{e000}',
        '\u{e001}',
        '\u{e002}',
        '- ',
        '| a |\n|---|\n',
      ],
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      expect(toText(pieces.join(''))).not.toMatch(foreignTag);
    }),
    { numRuns: 2_000 },
  );
});
