import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitReplies, maxTextBytes, splitText } from '../../src/replies/fit.js';
import { InvalidReplyError } from '../../src/replies/validate.js';
import { news, text } from '../../src/wechat/reply.js';

describe('what the reply logic returns', () => {
  test('may be nothing, a string, a reply or several', () => {
    expect(fitReplies(undefined)).toEqual([]);
    expect(fitReplies(null)).toEqual([]);
    expect(fitReplies('hi')).toEqual([text('hi')]);
    expect(fitReplies(['hi', text('there')])).toEqual([text('hi'), text('there')]);
  });

  test('with several articles goes out as that many messages, in order', () => {
    expect(fitReplies(news({ title: 'a' }, { title: 'b' }, { title: 'c' }))).toEqual([
      news({ title: 'a' }),
      news({ title: 'b' }),
      news({ title: 'c' }),
    ]);
  });

  test.each([
    ['an empty text', ''],
    ['a number', 7],
    ['a text without content', { type: 'text' }],
    ['news without an article', { type: 'news', articles: [] }],
    ['an article without a title', { type: 'news', articles: [{}] }],
    ['an image without its media', { type: 'image' }],
    ['an unknown type', { type: 'hologram' }],
    ['null among replies', ['ok', null]],
  ])('is refused when it is %s', (_name, result) => {
    expect(() => fitReplies(result as never)).toThrow(InvalidReplyError);
  });
});

describe('a long text', () => {
  test('is split into parts that fit, and loses nothing but white space at the cuts', () => {
    const words = fc.array(
      fc.constantFrom('word', '中文，', '。', '\n', '\n\n', ' ', '😀', '👨‍👩‍👧', 'é', 'x'.repeat(50)),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(words, fc.integer({ min: 30, max: 300 }), (pieces, max) => {
        const content = pieces.join('');
        const parts = splitText(content, max);
        for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(max);
        expect(parts.join('').replace(/\s/g, '')).toBe(content.replace(/\s/g, ''));
        for (const part of parts) expect(part.isWellFormed()).toBe(true);
      }),
    );
  });

  test('is cut at a paragraph rather than a line, at a line rather than a sentence', () => {
    const line = '一二三四五。';
    const max = Buffer.byteLength(line) * 5;
    expect(splitText(`${line}${line}${line}\n${line}\n\n${line}${line}`, max)[0]).toBe(
      `${line}${line}${line}\n${line}`,
    );
    expect(splitText(`${line}${line}${line}\n${line}${line}${line}`, max)[0]).toBe(`${line}${line}${line}`);
    expect(splitText(line.repeat(6), max)[0]).toBe(line.repeat(5));
  });

  test('is never cut inside a link', () => {
    const link = '<a href="https://example.com/some/path">a few words. And more</a>';
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 120 }), (before, after) => {
        const parts = splitText(`${'a '.repeat(before)}${link}${' b'.repeat(after)}`, 150);
        expect(parts.filter((part) => part.includes(link))).toHaveLength(1);
      }),
    );
  });

  test('of exactly the limit stays whole', () => {
    expect(fitReplies(`${'中'.repeat(682)}ab`)).toHaveLength(1);
    expect(fitReplies('中'.repeat(683))).toHaveLength(2);
    expect(maxTextBytes).toBe(2_048);
  });
});
